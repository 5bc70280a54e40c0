//! What programs are shown: the shapes that the API answers with and that commands print with `--json`. One place for
//! both, so that they stay the same.

mod effects;
mod event;
mod execution;
mod freeze;
mod plan;
mod policy;
mod request;
mod row;
pub mod schemas;
mod session;
mod step;
mod step_detail;
mod summary;
mod timeline;
mod undo;
mod violation;

pub use effects::{EffectView, effects};
pub use event::{ChainedEvent, EventView, event};
pub use execution::{ChildView, Execution, ExecutionView, OpenRequestView, execution};
pub use freeze::freeze;
pub use plan::{DrawnPlan, EdgeView, GraphView, NodeView, OrderView, PlanView, graph, plan};
pub use policy::{
    PolicyErrorView, PolicySetView, PolicyView, RuleView, SourceView, policy, policy_error, sources,
};
pub use request::{About, RequestView, SaidView, WholeRequest, approved_before, request, what};
pub use row::{RowView, row};
pub use session::{
    AwaitedCalls, SessionRowView, SessionStanding, SessionView, session, session_row,
};
pub use step::{
    ItemView, LabelsView, StepView, attempts, finally, items, recovered, shown_steps, span, step,
    steps,
};
pub use step_detail::{AttemptView, RefusalView, ResolutionView, StepDetailView, step_detail};
pub use summary::summary;
pub use timeline::{SpanView, TimelineView, timeline};
pub use undo::{UndoView, undos};
pub use violation::{ViolationView, violation};

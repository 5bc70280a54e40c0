//! A plan: its document, the order of its steps, and how to draw it.

use mandate_plan::graph::edges;
use mandate_plan::{CheckedPlan, CheckedStep, Digest};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanView {
    /// Its identity.
    #[schema(value_type = String)]
    pub plan_hash: Digest,
    /// The document, as its hash is taken over it.
    #[schema(value_type = Object)]
    pub plan: Value,
    /// The tools that it names.
    pub tools: Vec<String>,
    /// The most calls that it may make.
    pub max_tool_calls: u64,
    /// Of each step, the steps that must be settled first.
    pub order: Vec<OrderView>,
}

/// What must be settled before a step.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StepOrder)]
pub struct OrderView {
    /// The step.
    pub id: String,
    /// The steps that must be settled first.
    pub after: Vec<String>,
}

/// A plan for programs.
pub fn plan(plan: &CheckedPlan) -> PlanView {
    PlanView {
        plan_hash: *plan.hash(),
        plan: serde_json::from_slice(plan.canonical()).unwrap_or(Value::Null),
        tools: plan.tools().into_iter().map(str::to_owned).collect(),
        max_tool_calls: plan.max_tool_calls(),
        order: { plan.steps().iter() }
            .map(|step| OrderView {
                id: step.step.id.clone(),
                after: ids(plan, &step.order),
            })
            .collect(),
    }
}

fn ids(plan: &CheckedPlan, indices: &[usize]) -> Vec<String> {
    let steps = indices.iter().filter_map(|index| plan.steps().get(*index));
    steps.map(|step| step.step.id.clone()).collect()
}

/// How to draw a plan.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Graph)]
pub struct GraphView {
    /// Steps, fallback steps, and those under `finally`.
    pub nodes: Vec<NodeView>,
    /// What comes after what; what follows from other edges is left out.
    pub edges: Vec<EdgeView>,
}

/// A step as it is drawn.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    /// The step.
    pub id: String,
    /// `server.tool`.
    pub tool: String,
    /// `step`, `fallback` or `finally`.
    pub kind: &'static str,
    /// Of a fallback step, the step in whose place it runs.
    pub of: Option<String>,
    /// Its condition.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    /// What it is done for each of.
    pub for_each: Option<String>,
    /// A human is asked before it.
    pub confirm: bool,
    /// How far down it stands: one more than the lowest of those that it comes after.
    #[schema(value_type = u64)]
    pub layer: usize,
}

/// An arrow.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Edge)]
pub struct EdgeView {
    /// The earlier step.
    pub from: String,
    /// The later one.
    pub to: String,
    /// `need`, `order` or `fallback`.
    pub kind: &'static str,
}

/// How to draw a plan.
pub fn graph(plan: &CheckedPlan) -> GraphView {
    let steps = plan.steps();
    let mut layers = vec![0_usize; steps.len()];
    let mut drawn = GraphView::default();
    let id = |number: usize| steps.get(number).map(|step| step.step.id.clone());
    for edge in edges(plan) {
        let above = layers.get(edge.from).copied().unwrap_or_default();
        if let Some(layer) = layers.get_mut(edge.to) {
            *layer = (*layer).max(above.saturating_add(1));
        }
        if let (Some(from), Some(to)) = (id(edge.from), id(edge.to)) {
            let kind = if edge.need { "need" } else { "order" };
            drawn.edges.push(EdgeView { from, to, kind });
        }
    }
    let last = layers.iter().max().map_or(0, |last| last.saturating_add(1));
    for (step, layer) in steps.iter().zip(layers) {
        drawn.nodes.push(node(step, "step", None, layer));
        for inner in &step.fallback {
            let below = layer.saturating_add(1);
            let of = step.step.id.clone();
            drawn.edges.push(EdgeView {
                from: of.clone(),
                to: inner.step.id.clone(),
                kind: "fallback",
            });
            drawn.nodes.push(node(inner, "fallback", Some(of), below));
        }
    }
    for (number, step) in plan.finally().iter().enumerate() {
        let layer = last.saturating_add(number);
        drawn.nodes.push(node(step, "finally", None, layer));
    }
    drawn
}

fn node(checked: &CheckedStep, kind: &'static str, of: Option<String>, layer: usize) -> NodeView {
    let step = &checked.step;
    NodeView {
        id: step.id.clone(),
        tool: step.tool.clone(),
        kind,
        of,
        condition: step.condition.clone(),
        for_each: { step.for_each.as_ref() }.map(|each| each.items.clone()),
        confirm: step.confirm,
        layer,
    }
}

/// A plan with how to draw it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DrawnPlan {
    /// The plan.
    #[serde(flatten)]
    pub shown: PlanView,
    /// How to draw it.
    pub graph: GraphView,
    /// The number of the revision, where it is one of an execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

impl DrawnPlan {
    /// A plan with how to draw it.
    pub fn of(checked: &CheckedPlan, revision: Option<u32>) -> Self {
        Self {
            shown: plan(checked),
            graph: graph(checked),
            revision,
        }
    }
}

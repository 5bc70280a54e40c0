//! What the tables do not hold changes nothing: every state of a step and of an execution is reached, and every event
//! that would be an illegal change there is applied.

use crate::world::{Begin, World, call_outcome, plan_of};
use mandate_engine::event::{Answer, FailureKind, Request, Resolution, SkipReason, Timer};
use mandate_engine::life::{next_phase, next_step_state};
use mandate_engine::{
    Applied, Body, Event, Fault, Phase, PhaseChange, State, Status, StepChange, StepState,
};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::{Purpose, Refusal};
use serde_json::json;

/// An execution whose step `a` is in that state, while `z` has a call with an effect under way.
fn with_step_in(state: StepState) -> Option<World> {
    let step = match state {
        StepState::Pending => "{id: a, tool: t.do}",
        StepState::Running | StepState::Completed | StepState::InDoubt => {
            "{id: a, tool: t.do, after: []}"
        }
        StepState::Waiting => "{id: a, tool: t.read, after: [], retry: {max_attempts: 2}}",
        StepState::Failed => "{id: a, tool: t.read, after: [], on_failure: skip}",
        StepState::Skipped => "{id: a, tool: t.read, after: [], if: 'false'}",
        StepState::Blocked => "{id: a, tool: t.do, after: [], args: {refuse: POLICY_DENIED}}",
        StepState::Cancelled => "{id: a, tool: t.net, after: []}",
        StepState::Recovered => {
            "{id: a, tool: t.read, after: [], on_failure: {fallback: [{id: b, tool: t.read}]}}"
        }
    };
    let yaml =
        format!("version: 1\nname: x\nsteps:\n- {{id: z, tool: t.do, after: []}}\n- {step}\n");
    let (mut world, _) = World::begin(plan_of(&yaml), 0, &Begin::default());
    world.take(
        0,
        Body::ExecutionStarted {
            approval: None,
            reserved: None,
        },
    )?;
    let a = ("a", None, 1);
    let outcome = |kind| call_outcome(kind, ErrorCode::ToolFailed, Some(json!(1)));
    match state {
        StepState::Completed => drop(world.outcome(1, a, outcome(None))?),
        StepState::InDoubt => drop(world.outcome(1, a, outcome(Some(FailureKind::Unknown)))?),
        StepState::Waiting | StepState::Failed => {
            drop(world.outcome(1, a, outcome(Some(FailureKind::Failed)))?);
        }
        StepState::Recovered => {
            drop(world.outcome(1, a, outcome(Some(FailureKind::Failed)))?);
            drop(world.outcome(1, ("b", None, 1), outcome(None))?);
        }
        StepState::Cancelled => {
            world.take(1, cancel(false))?;
            drop(world.outcome(1, a, outcome(Some(FailureKind::Unknown)))?);
        }
        _ => {}
    }
    assert_eq!(world.state.step("a").unwrap().1.state, state);
    Some(world)
}

fn cancel(force: bool) -> Body {
    Body::CancelRequested {
        by: "ann".into(),
        reason: None,
        force,
    }
}

/// The events that would make that change to attempt `attempt` of step `a`.
fn events_for(change: StepChange, attempt: u32) -> Vec<Body> {
    let (step, item) = ("a".to_owned(), None);
    let error = Fault::new(ErrorCode::ToolFailed, "x");
    let failed = |attempt, outcome| Body::StepFailed {
        step: "a".into(),
        item: None,
        attempt,
        outcome,
        error: Fault::new(ErrorCode::ToolFailed, "x"),
        output: None,
        reported: None,
    };
    match change {
        StepChange::Start => {
            let digest = Digest::of(b"");
            vec![Body::StepStarted {
                step,
                item,
                attempt: attempt + 1,
                tool: "t.do".into(),
                facts: mandate_plan::Facts::WORST,
                args: json!({}),
                args_digest: digest,
                idempotency_key: String::new(),
                permit: digest,
                granted_digest: digest,
                timeout_ms: None,
                sandbox: None,
                outside: false,
            }]
        }
        StepChange::Sleep => vec![Body::TimerSet {
            timer: Timer::Sleep { step, item },
            due_ms: 9,
        }],
        StepChange::Complete => vec![
            Body::StepCompleted {
                step: step.clone(),
                item,
                attempt,
                output_digest: Digest::of(b""),
                output: json!(1),
                suspicions: Default::default(),
                reported: None,
            },
            Body::StepResolved {
                step: step.clone(),
                item,
                by: "ann".into(),
                resolution: Resolution::Done { output: json!(1) },
                channel: None,
                answer_digest: None,
            },
            Body::ItemsBound {
                step,
                items: Vec::new(),
            },
        ],
        StepChange::Retry => vec![Body::StepResolved {
            step,
            item,
            by: "ann".into(),
            resolution: Resolution::NotDone,
            channel: None,
            answer_digest: None,
        }],
        StepChange::Fail => [
            FailureKind::Refused,
            FailureKind::Failed,
            FailureKind::Unknown,
            FailureKind::Invalid,
        ]
        .into_iter()
        .flat_map(|outcome| [failed(0, outcome), failed(attempt, outcome)])
        .collect(),
        StepChange::Interrupt => vec![Body::AttemptInterrupted {
            step,
            item,
            attempt,
            purpose: Purpose::Run,
        }],
        StepChange::Doubt => vec![Body::StepInDoubt {
            step,
            item,
            attempt,
            error,
            purpose: Purpose::Run,
        }],
        StepChange::Skip => [SkipReason::If, SkipReason::Need]
            .map(|reason| Body::StepSkipped {
                step: "a".into(),
                reason,
            })
            .into(),
        StepChange::Block => vec![Body::StepBlocked {
            step,
            item,
            refusal: Refusal::new(ErrorCode::PolicyDenied, "x"),
        }],
        StepChange::Recover => [None, Some("a"), Some("b")]
            .map(|from| Body::FallbackEnded {
                step: "a".into(),
                from: from.map(str::to_owned),
            })
            .into(),
        StepChange::Hold => vec![
            Body::StepHeld {
                step: step.clone(),
                item,
                refusal: Refusal::new(ErrorCode::Frozen, "x"),
                due_ms: None,
                purpose: mandate_policy::Purpose::Run,
            },
            Body::RequestOpened(Box::new(approval_of(&step))),
        ],
        StepChange::Release => vec![
            Body::Thawed { by: "ann".into() },
            Body::RequestAnswered(Answer::new("req-a", "approve", "ann", "terminal")),
        ],
        // An execution's end is tried with the phases.
        StepChange::Cancel => Vec::new(),
    }
}

/// A request for a yes to step `a`, as an execution would open it.
fn approval_of(step: &str) -> Request {
    serde_json::from_value(json!({
        "request_id": "req-a", "kind": "step", "step": step, "subject": Digest::of(b""),
        "calls": [{ "args_digest": Digest::of(b"") }], "choices": ["approve", "reject"], "approvers": ["requester"],
        "refusal": Refusal::new(ErrorCode::ApprovalRequired, "x"),
    }))
    .unwrap()
}

fn ignored(state: &State, body: Body) {
    let mut after = state.clone();
    let event = Event {
        seq: state.seq + 1,
        at_ms: state.at_ms + 1,
        body,
    };
    assert_eq!(after.apply(&event), Applied::Ignored, "{event:?}");
    assert_eq!(&after, state, "{event:?} left a trace");
}

#[test]
fn illegal_changes_of_a_step_change_nothing() {
    let mut tried = 0;
    for state in StepState::ALL {
        let world = with_step_in(state).expect("the step gets there");
        for change in StepChange::ALL {
            if next_step_state(state, change).is_ok() {
                continue;
            }
            // Failing is legal for what runs in more than one way; only the illegal ones are of interest here.
            let attempt = world.state.step("a").unwrap().1.units[0].attempt;
            for body in events_for(change, attempt) {
                ignored(&world.state, body);
                tried += 1;
            }
        }
        // Another attempt than the one that counts, whatever the change.
        for change in StepChange::ALL {
            for body in events_for(change, 7) {
                let names_an_attempt = serde_json::to_string(&body)
                    .unwrap()
                    .contains("\"attempt\":7");
                if names_an_attempt || change == StepChange::Start {
                    ignored(&world.state, body);
                    tried += 1;
                }
            }
        }
        // What nobody has: another step, an item.
        for change in StepChange::ALL {
            for body in events_for(change, 1) {
                for (from, to) in [
                    ("\"step\":\"a\"", "\"step\":\"nobody\""),
                    ("\"step\":\"a\"", "\"step\":\"a\",\"item\":0"),
                ] {
                    let json = serde_json::to_string(&body).unwrap().replace(from, to);
                    if let Ok(other) = serde_json::from_str::<Body>(&json)
                        && other != body
                    {
                        ignored(&world.state, other);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn illegal_changes_of_an_execution_change_nothing() {
    let finally = "finally:\n- {id: f, tool: t.do}\n";
    let plan = plan_of(&format!(
        "version: 1\nname: x\nsteps:\n- {{id: a, tool: t.do, compensate: {{tool: t.do}}}}\n{finally}"
    ));
    let (created, _) = World::begin(plan.clone(), 0, &Begin::default());
    let mut world = World::begin(plan, 0, &Begin::default()).0;
    world
        .take(
            0,
            Body::ExecutionStarted {
                approval: None,
                reserved: None,
            },
        )
        .unwrap();
    let active = world.state.clone();
    world.take(1, cancel(false)).unwrap();
    let stopping = world.state.clone();
    let done = call_outcome(None, ErrorCode::UnknownError, Some(json!(1)));
    world.outcome(2, ("a", None, 1), done.clone()).unwrap();
    let compensating = world.state.clone();
    world.outcome(2, ("a", None, 1), done.clone()).unwrap();
    let closing = world.state.clone();
    world.outcome(3, ("f", None, 1), done).unwrap();
    let states = [
        created.state,
        active,
        stopping,
        compensating,
        closing,
        world.state,
    ];
    assert_eq!(states.each_ref().map(|state| state.phase), Phase::ALL);
    for state in &states {
        for change in PhaseChange::ALL {
            if next_phase(state.phase, change).is_ok() {
                continue;
            }
            ignored(
                state,
                match change {
                    PhaseChange::Start => Body::ExecutionStarted {
                        approval: None,
                        reserved: None,
                    },
                    PhaseChange::Stop => cancel(false),
                    PhaseChange::Undo => undoing(),
                    PhaseChange::Close => Body::FinallyStarted {
                        status: Status::Success,
                        error: None,
                    },
                    PhaseChange::Finish => finished(),
                },
            );
        }
        // Legal by its phase, but something is still open.
        if state.is_running() {
            ignored(state, finished());
        }
    }
}

fn undoing() -> Body {
    Body::CompensationFailed {
        step: "a".to_owned(),
        item: None,
        attempt: 0,
        outcome: FailureKind::Failed,
        error: Fault::new(ErrorCode::ToolFailed, "x"),
        refusal: None,
    }
}

fn finished() -> Body {
    Body::ExecutionFinished {
        status: Status::Success,
        error: None,
        outputs: serde_json::Map::new(),
        warnings: Vec::new(),
    }
}

#[test]
fn the_kinds_that_have_only_their_place_change_nothing() {
    let plan = plan_of("version: 1\nname: x\nsteps:\n- {id: a, tool: t.do}\n");
    let (mut world, _) = World::begin(plan, 0, &Begin::default());
    world
        .take(
            0,
            Body::ExecutionStarted {
                approval: None,
                reserved: None,
            },
        )
        .unwrap();
    let created = world.events[0].body.clone();
    let step = "a".to_owned();
    for body in [
        created,
        Body::InvariantChecked {
            invariant: "i".into(),
            step,
            holds: true,
            reason: None,
        },
        Body::PlanRevised {
            revision: 2,
            plan_hash: Digest::of(b""),
            diff: json!({}),
        },
    ] {
        ignored(&world.state, body);
    }
}

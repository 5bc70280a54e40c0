//! Where the values of an execution come from, as its events tell.

use crate::world::{Begin, World, answer, call_outcome, plan_of, resolve};
use mandate_engine::event::{Answer, AskedDuring, FailureKind, PassedOn, Resolution};
use mandate_engine::{Body, carry};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::dataflow::Part;
use serde_json::{Value, json};

fn begun(steps: &str) -> World {
    let yaml = format!("version: 1\nname: x\nsteps:\n{steps}");
    let (mut world, _) = World::begin(plan_of(&yaml), 0, &Begin::default());
    world.take(
        0,
        Body::ExecutionStarted {
            approval: None,
            reserved: None,
        },
    );
    world
}

fn completes(world: &mut World, step: &str, output: Value) {
    let outcome = call_outcome(None, ErrorCode::ToolFailed, Some(output));
    world.outcome(1, (step, None, 1), outcome).unwrap();
}

fn fails(world: &mut World, step: &str) {
    let outcome = call_outcome(Some(FailureKind::Failed), ErrorCode::ToolFailed, None);
    world.outcome(1, (step, None, 1), outcome).unwrap();
}

fn labels(world: &World, step: &str, part: Part) -> Vec<String> {
    let labels = world.state.labels_of(step, part).unwrap();
    labels.iter().map(ToString::to_string).collect()
}

fn output(world: &World, step: &str) -> Vec<String> {
    world.replays();
    labels(world, step, Part::Output)
}

#[test]
fn labels_follow_references_templates_and_calls() {
    let mut world = begun(
        "
- {id: look, tool: t.net}
- {id: read, tool: t.read, args: {a: literal}}
- {id: both, tool: data.value, args: {value: 'a ${steps.look.output.x} b ${steps.read.output}'}}
- {id: clean, tool: t.read, args: {a: '${steps.read.output}'}}
- {id: args, tool: t.read, args: {a: '${steps.both.args.value}'}}
",
    );
    for step in ["look", "read", "both", "clean", "args"] {
        completes(&mut world, step, json!({ "x": "y" }));
    }
    assert_eq!(output(&world, "look"), ["tool:t.net", "untrusted"]);
    assert_eq!(output(&world, "read"), ["tool:t.read"]);
    let all = [
        "plan",
        "tool:data.value",
        "tool:t.net",
        "tool:t.read",
        "untrusted",
    ];
    assert_eq!(output(&world, "both"), all);
    assert_eq!(
        labels(&world, "both", Part::Args),
        ["plan", "tool:t.net", "tool:t.read", "untrusted"]
    );
    assert_eq!(output(&world, "clean"), ["tool:t.read"]);
    assert_eq!(
        output(&world, "args"),
        ["tool:t.net", "tool:t.read", "untrusted"]
    );
    assert_eq!(world.state.labels_of("nobody", Part::Output), None);
}

#[test]
fn the_items_of_an_untrusted_list_are_untrusted_and_so_is_what_comes_of_them() {
    let mut world = begun(
        "
- {id: look, tool: t.net}
- {id: each, tool: t.read, for_each: {in: steps.look.output}, args: {a: '${item}'}}
",
    );
    completes(&mut world, "look", json!(["a", "b"]));
    for item in [0, 1] {
        let outcome = call_outcome(None, ErrorCode::ToolFailed, Some(json!(1)));
        world.outcome(2, ("each", Some(item), 1), outcome).unwrap();
    }
    assert_eq!(
        output(&world, "each"),
        ["tool:t.net", "tool:t.read", "untrusted"]
    );
}

const FALLBACK: &str = "
- id: first
  tool: t.read
  on_failure: {fallback: [{id: other, tool: t.net}]}
- {id: after, tool: t.read, args: {a: '${steps.first.output}', e: '${steps.first.error}'}}
";

#[test]
fn what_ran_in_a_steps_place_says_where_its_output_comes_from() {
    let mut world = begun(FALLBACK);
    fails(&mut world, "first");
    completes(&mut world, "other", json!(1));
    assert_eq!(output(&world, "first"), ["tool:t.net", "untrusted"]);
    // What the tool said when it failed is still the tool's.
    assert_eq!(labels(&world, "first", Part::Error), ["tool:t.read"]);
    completes(&mut world, "after", json!(1));
    assert_eq!(
        output(&world, "after"),
        ["tool:t.net", "tool:t.read", "untrusted"]
    );
    // Where nothing failed, nothing is untrusted.
    let mut world = begun(FALLBACK);
    completes(&mut world, "first", json!(1));
    assert_eq!(output(&world, "first"), ["tool:t.read"]);
}

#[test]
fn what_a_human_supplies_is_the_humans_and_the_error_before_it_is_not() {
    let mut world = begun(
        "
- {id: look, tool: t.net, on_failure: ask}
- {id: after, tool: t.read, args: {a: '${steps.look.output}'}}
",
    );
    fails(&mut world, "look");
    let Body::RequestAnswered(supply) = answer(&world.state, "supply", None) else {
        panic!();
    };
    let data = Some(json!("mine"));
    world.take(2, Body::RequestAnswered(Answer { data, ..supply }));
    assert_eq!(output(&world, "look"), ["human"]);
    assert_eq!(
        labels(&world, "look", Part::Error),
        ["tool:t.net", "untrusted"]
    );
    completes(&mut world, "after", json!(1));
    assert_eq!(output(&world, "after"), ["human", "tool:t.read"]);
}

#[test]
fn what_became_of_a_doubt_is_the_humans_unless_the_tool_itself_said_it() {
    let resolved = |channel: Option<&str>| {
        let mut world = begun("\n- {id: act, tool: t.do}\n- {id: after, tool: t.read}\n");
        let outcome = call_outcome(Some(FailureKind::Unknown), ErrorCode::ToolFailed, None);
        world.outcome(1, ("act", None, 1), outcome).unwrap();
        let mut body = resolve("act", None, Resolution::Done { output: json!(1) });
        if let Body::StepResolved { channel: over, .. } = &mut body {
            *over = channel.map(str::to_owned);
        }
        world.take(2, body).unwrap();
        output(&world, "act")
    };
    assert_eq!(resolved(Some("terminal")), ["human"]);
    assert_eq!(resolved(Some("status")), ["tool:t.do", "untrusted"]);
}

#[test]
fn what_a_human_picks_from_untrusted_choices_stays_untrusted() {
    let asked = |choices: &str| {
        let mut world = begun(&format!(
            "
- {{id: look, tool: t.net}}
- {{id: ask, tool: human.ask, args: {{question: 'Which? ${{steps.look.output[0]}}', choices: {choices}}}}}
"
        ));
        completes(&mut world, "look", json!(["a", "b"]));
        let body = answer(&world.state, "a", None);
        world.take(2, body).unwrap();
        output(&world, "ask")
    };
    assert_eq!(
        asked("'${steps.look.output}'"),
        ["human", "tool:t.net", "untrusted"]
    );
    // What the question says was read, and no more.
    assert_eq!(asked("[a, b]"), ["human"]);
}

#[test]
fn once_something_untrusted_was_written_what_is_read_from_files_is_untrusted() {
    let read = |content: &str| {
        let mut world = begun(&format!(
            "
- {{id: look, tool: t.net}}
- {{id: before, tool: fs.read}}
- {{id: write, tool: t.put, args: {{content: '{content}'}}}}
- {{id: read, tool: fs.read}}
"
        ));
        for step in ["look", "before", "write", "read"] {
            completes(&mut world, step, json!(1));
        }
        assert_eq!(output(&world, "before"), ["tool:fs.read"]);
        output(&world, "read")
    };
    assert_eq!(read("${steps.look.output}"), ["tool:fs.read", "untrusted"]);
    assert_eq!(read("${steps.before.output}"), ["tool:fs.read"]);
}

#[test]
fn a_rerun_knows_where_what_it_took_over_comes_from() {
    let yaml = "version: 1\nname: x\nsteps:\n- {id: look, tool: t.net}\n- {id: own, tool: t.read}\n- {id: last, tool: t.read, args: {a: '${steps.look.output}', b: '${steps.own.output}'}}\n";
    let (mut first, _) = World::begin(plan_of(yaml), 0, &Begin::default());
    first.take(
        0,
        Body::ExecutionStarted {
            approval: None,
            reserved: None,
        },
    );
    completes(&mut first, "look", json!(1));
    completes(&mut first, "own", json!(1));
    fails(&mut first, "last");
    let carried = carry(&first.state, None).unwrap();
    let begin = |carried| {
        let how = Begin {
            carried: Some(carried),
            ..Begin::default()
        };
        World::begin(plan_of(yaml), 0, &how).0
    };
    let again = begin(carried.clone());
    assert_eq!(output(&again, "look"), ["tool:t.net", "untrusted"]);
    assert_eq!(output(&again, "own"), ["tool:t.read"]);
    // A version that did not say where it comes from leaves it unknown: not to be trusted.
    let mut old = carried;
    for step in old.steps.values_mut() {
        step.labels = None;
    }
    let labels = begin(old)
        .state
        .labels_of("own", Part::Output)
        .unwrap()
        .untrusted();
    assert!(labels);
}

#[test]
fn what_is_passed_on_to_an_agent_taints_what_it_chooses_and_its_answers_go_into_the_call() {
    let told = |untrusted: bool, during: Option<&str>, answered: bool| Body::AgentTold {
        what: Box::new(PassedOn {
            by: "ann".to_owned(),
            server: "s".to_owned(),
            method: "m".to_owned(),
            untrusted,
            call: during.map(|step| AskedDuring {
                step: step.to_owned(),
                item: None,
                attempt: 1,
            }),
            answer: answered.then(|| Digest::of_json(&json!("yes"))),
            ..PassedOn::default()
        }),
    };
    let begun = || {
        let yaml = "version: 1\nname: x\nmode: agent\nsteps:\n- {id: a, tool: t.read}\n- {id: b, tool: t.read}\n";
        let (mut world, _) = World::begin(plan_of(yaml), 0, &Begin::default());
        let started = Body::ExecutionStarted {
            approval: None,
            reserved: None,
        };
        world.take(0, started);
        world
    };
    let ask = |world: &mut World, step: &str| {
        let body = Body::CallRequested {
            step: step.to_owned(),
            item: None,
            tool: "t.read".to_owned(),
            args: json!({}),
            by: "ann".to_owned(),
            key: None,
        };
        world.take(1, body).unwrap();
    };
    let mut world = begun();
    assert!(!world.state.agent_is_untrusted());
    world.take(1, told(false, None, false)).unwrap();
    assert!(!world.state.agent_is_untrusted(), "nobody else wrote it");
    ask(&mut world, "a");
    world.take(2, told(false, Some("a"), false)).unwrap();
    completes(&mut world, "a", json!(1));
    assert_eq!(output(&world, "a"), ["tool:t.read"], "it did not answer");
    ask(&mut world, "b");
    world.take(2, told(false, Some("b"), true)).unwrap();
    completes(&mut world, "b", json!(1));
    assert_eq!(output(&world, "b"), ["agent", "tool:t.read"]);

    let mut world = begun();
    world.take(1, told(true, None, false)).unwrap();
    assert!(world.state.agent_is_untrusted());
    ask(&mut world, "a");
    world.take(2, told(false, Some("a"), true)).unwrap();
    completes(&mut world, "a", json!(1));
    assert_eq!(output(&world, "a"), ["agent", "tool:t.read", "untrusted"]);
}

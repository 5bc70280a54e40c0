//! What happened, in pages and as it happens.

use crate::client::{Message, send};
use crate::rig::{Rig, reads, sleeps, writes};
use serde_json::{Value, json};

fn seqs(messages: &[Message]) -> Vec<u64> {
    let ids = messages.iter().filter_map(|message| message.id.as_ref());
    ids.map(|id| id.parse().unwrap()).collect()
}

/// Everything up to the end of the stream.
fn all(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> Vec<Message> {
    let mut asks = rig.anybody();
    for (name, value) in headers {
        asks = asks.and(name, value);
    }
    let mut stream = asks.stream(path);
    assert_eq!(stream.status, 200);
    std::iter::from_fn(|| stream.next()).collect()
}

#[test]
fn pages_and_the_stream_say_the_same() {
    let rig = Rig::new();
    let id = rig.anybody().run_id(&reads("many", 40));
    let path = format!("/v1/executions/{id}/events");
    let page = rig.anybody().get(&path).is(200).json();
    let events = page["events"].as_array().unwrap();
    let last = page["last_seq"].as_u64().unwrap();
    assert_eq!(events.len() as u64, last);
    assert_eq!(page["next_after"], Value::Null);
    for (before, event) in events.iter().zip(&events[1..]) {
        assert_eq!(before["hash"], event["prev_hash"], "the chain");
        assert!(event["commit"].as_u64() >= before["commit"].as_u64());
    }
    assert_eq!(events[0]["kind"], "execution_created");
    assert!(events[0]["summary"].as_str().unwrap().starts_with("plan "));
    let short = rig
        .anybody()
        .get(&format!("{path}?limit=3&after=2&data=false"))
        .is(200)
        .json();
    assert_eq!(short["events"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&short["events"][0]["seq"], &short["next_after"]),
        (&json!(3), &json!(5))
    );
    assert_eq!(short["events"][0].get("data"), None);

    let told = all(&rig, &path, &[]);
    assert_eq!(seqs(&told), (1..=last).collect::<Vec<_>>());
    assert_eq!(told.last().unwrap().event.as_deref(), Some("end"));
    let said: Vec<&Value> = told
        .iter()
        .take(events.len())
        .map(|message| &message.data)
        .collect();
    assert_eq!(said, events.iter().collect::<Vec<_>>());
    // Whoever comes again gets what is behind that, and nothing twice.
    let rest = all(&rig, &path, &[("last-event-id", "7")]);
    assert_eq!(seqs(&rest), (8..=last).collect::<Vec<_>>());
    let rest = all(&rig, &format!("{path}?after={}", last - 1), &[]);
    assert_eq!(seqs(&rest), [last]);
    // Whoever has all of it is told that it is all.
    let none = all(&rig, &path, &[("last-event-id", &last.to_string())]);
    assert_eq!(none.len(), 1, "{none:?}");
    assert_eq!(none[0].event.as_deref(), Some("end"));
    let asks = |id: &str| {
        rig.anybody()
            .and("accept", "text/event-stream")
            .and("last-event-id", id)
            .get(&path)
            .status
    };
    for wrong in [
        "x",
        "-1",
        "1.5",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999",
    ] {
        assert_eq!(asks(wrong), 400, "{wrong}");
    }
    for wrong in [
        "?limit=0",
        "?limit=1001",
        "?after=-1",
        "?after=9223372036854775807",
        "?data=perhaps",
        "?what=1",
    ] {
        rig.anybody().get(&format!("{path}{wrong}")).is(400);
    }
}

#[test]
fn what_happens_is_told_to_all_who_read_and_the_slow_lose_nothing() {
    let rig = Rig::new();
    let anybody = rig.anybody();
    let made = anybody.submit(&writes("live")).is(202).json();
    let (id, request) = (
        made["execution_id"].as_str().unwrap(),
        made["request_id"].as_str().unwrap(),
    );
    let path = format!("/v1/executions/{id}/events");
    let mut readers: Vec<_> = (0..25).map(|_| anybody.stream(&path)).collect();
    let mut slow = anybody.stream(&path);
    for reader in &mut readers {
        assert_eq!(reader.next().unwrap().data["kind"], "execution_created");
    }
    let link = rig.logged_in(json!({ "link": rig.link() }));
    link.post(
        &format!("/v1/inbox/{request}:answer"),
        &json!({ "choice": "approve" }),
    )
    .is(200);
    let expected: Vec<Message> = std::iter::from_fn(|| readers[0].next()).collect();
    assert_eq!(expected.last().unwrap().event.as_deref(), Some("end"));
    for reader in &mut readers[1..] {
        assert_eq!(
            std::iter::from_fn(|| reader.next()).collect::<Vec<_>>(),
            expected
        );
    }
    let late: Vec<Message> = std::iter::from_fn(|| slow.next()).collect();
    assert_eq!(late[1..], expected);
    let headers = &slow.headers;
    let of = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(of("content-type"), Some("text/event-stream"));
    assert_eq!(of("content-encoding"), None);
}

#[test]
fn many_who_read_along_get_all_of_it_in_order_while_others_run() {
    let rig = Rig::new();
    let anybody = rig.anybody();
    let mut plan = reads("watched", 100);
    let steps = plan["steps"].as_array_mut().unwrap();
    // Until all of them read.
    steps.insert(
        0,
        json!({ "id": "rest", "tool": "time.sleep", "args": { "duration_ms": 500 } }),
    );
    let made = anybody.submit(&plan).is(201).json();
    let id = made["execution_id"].as_str().unwrap();
    let path = format!("/v1/executions/{id}/events");
    // Nothing is packed, and so kept back until there is more of it.
    let packs = anybody.and("accept-encoding", "gzip");
    let mut readers: Vec<_> = (0..100).map(|_| packs.stream(&path)).collect();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let anybody = rig.anybody();
            scope.spawn(move || {
                let ended = anybody.run(&reads(&format!("other {number}"), 20));
                assert_eq!(ended["execution"]["status"], "success", "{ended}");
            });
        }
        for reader in &mut readers {
            assert_eq!(reader.status, 200);
            assert!(
                { reader.headers.iter() }.all(|(name, _)| name != "content-encoding"),
                "{:?}",
                reader.headers
            );
            let told: Vec<Message> = std::iter::from_fn(|| reader.next()).collect();
            assert_eq!(told.last().unwrap().event.as_deref(), Some("end"));
            let last = rig.anybody().execution(id)["seq"].as_u64().unwrap();
            assert_eq!(seqs(&told), (1..=last).collect::<Vec<_>>());
        }
    });
}

#[test]
fn large_events_come_whole_to_somebody_who_reads_late() {
    let rig = Rig::new();
    let text = "x".repeat(300_000);
    let steps: Vec<Value> = (0..12)
        .map(|n| json!({ "id": format!("s{n}"), "tool": "data.value", "args": { "value": text } }))
        .collect();
    let plan = json!({ "version": 1, "name": "large", "steps": steps });
    let made = rig.anybody().submit(&plan).is(201).json();
    let path = format!(
        "/v1/executions/{}/events",
        made["execution_id"].as_str().unwrap()
    );
    // More than any socket holds: the server must wait for this reader, and nobody else does.
    let mut late = rig.anybody().stream(&path);
    let soon = all(&rig, &path, &[]);
    let id = rig.anybody().run_id(&reads("meanwhile", 3));
    assert_eq!(rig.anybody().execution(&id)["status"], "success");
    let told: Vec<Message> = std::iter::from_fn(|| late.next()).collect();
    assert_eq!(told, soon);
    let outputs = told
        .iter()
        .filter(|message| message.data["kind"] == "step_completed");
    assert!(
        outputs
            .clone()
            .all(|message| message.data["data"]["output"] == text.as_str())
    );
    assert_eq!(outputs.count(), 12);
}

#[test]
fn streams_end_when_the_server_does() {
    let mut rig = Rig::new();
    let made = rig
        .anybody()
        .submit(&sleeps("long", 3_600_000))
        .is(201)
        .json();
    let path = format!(
        "/v1/executions/{}/events",
        made["execution_id"].as_str().unwrap()
    );
    let mut streams = [
        rig.anybody().stream(&path),
        rig.anybody().stream("/v1/executions:watch"),
    ];
    for stream in &mut streams {
        stream.next().unwrap();
    }
    // Whoever waits for an end is told how it stands.
    let (address, body) = (rig.address(), json!({ "plan": sleeps("waits", 3_600_000) }));
    let waits = std::thread::spawn(move || {
        let headers = [("prefer", "wait=60"), ("content-type", "application/json")];
        let body = body.to_string();
        send(
            address,
            "POST",
            "/v1/executions",
            &headers,
            Some(body.as_bytes()),
        )
    });
    loop {
        let listed = rig.anybody().get("/v1/executions").is(200).json();
        if listed["executions"].as_array().unwrap().len() == 2 {
            break;
        }
    }
    rig.stop_serving();
    let told = waits.join().unwrap().is(202).json();
    assert_eq!(told["execution"]["name"], "waits", "{told}");
    for stream in &mut streams {
        stream.named("bye");
        assert_eq!(stream.next(), None);
    }
}

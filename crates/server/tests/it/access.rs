//! Who may what, and everything that somebody may try who may not.

use crate::client::{connect, raw};
use crate::rig::{As, Rig, Setup, reads, writes};
use mandate_server::ServerSettings;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::time::Duration;

const ROLES: [&str; 7] = [
    "agent",
    "submitter",
    "viewer",
    "approver",
    "operator",
    "auditor",
    "admin",
];

/// Writing wants somebody else's yes.
const OTHER: &str = r#"
@id("reads") permit (principal, action == Action::"Call", resource) when { resource.effect == "read" };
@id("writes") @decision("require_approval") @approvers("other")
permit (principal, action == Action::"Call", resource) when { resource.effect == "write" };
"#;

/// What is asked, and the roles that may.
fn rights(id: &str, request: &str) -> Vec<(&'static str, String, Value, Vec<&'static str>)> {
    let (submits, sees) = (
        vec!["agent", "submitter", "operator", "admin"],
        vec!["viewer", "approver", "operator", "auditor", "admin"],
    );
    let operates = vec!["operator", "admin"];
    vec![
        ("GET", "/v1/whoami".to_owned(), Value::Null, ROLES.to_vec()),
        (
            "GET",
            "/v1/executions".to_owned(),
            Value::Null,
            ROLES.to_vec(),
        ),
        ("GET", "/v1/tools".to_owned(), Value::Null, ROLES.to_vec()),
        ("GET", "/v1/plans".to_owned(), Value::Null, sees.clone()),
        ("GET", "/v1/sessions".to_owned(), Value::Null, sees.clone()),
        ("GET", "/v1/policies".to_owned(), Value::Null, sees.clone()),
        ("GET", "/metrics".to_owned(), Value::Null, sees.clone()),
        (
            "GET",
            format!("/v1/executions/{id}"),
            Value::Null,
            sees.clone(),
        ),
        ("GET", format!("/v1/inbox/{request}"), Value::Null, sees),
        (
            "POST",
            "/v1/executions".to_owned(),
            json!({ "plan": reads("mine", 1) }),
            submits.clone(),
        ),
        (
            "POST",
            "/v1/analyze-execution".to_owned(),
            json!({ "plugin": "data.value", "payload": { "value": 1 } }),
            submits,
        ),
        (
            "POST",
            "/v1/tools/time.sleep:disable".to_owned(),
            json!({}),
            operates.clone(),
        ),
        (
            "POST",
            "/v1/tools/time.sleep:enable".to_owned(),
            json!({}),
            operates,
        ),
        (
            "GET",
            "/v1/audit/head".to_owned(),
            Value::Null,
            vec!["auditor", "admin"],
        ),
        (
            "GET",
            "/v1/audit/export".to_owned(),
            Value::Null,
            vec!["auditor", "admin"],
        ),
        (
            "POST",
            "/v1/audit:verify".to_owned(),
            json!({}),
            vec!["auditor", "admin"],
        ),
        (
            "GET",
            "/v1/keys".to_owned(),
            Value::Null,
            vec!["auditor", "admin"],
        ),
        (
            "POST",
            "/v1/keys".to_owned(),
            json!({ "name": "x", "roles": ["viewer"] }),
            vec!["admin"],
        ),
    ]
}

#[test]
fn each_role_may_what_it_is_for_and_nothing_else() {
    let rig = Rig::keyed();
    let made = rig
        .as_a("ann", &["submitter"])
        .submit(&writes("theirs"))
        .is(202)
        .json();
    let (id, request) = (
        made["execution_id"].as_str().unwrap(),
        made["request_id"].as_str().unwrap(),
    );
    let keyed: Vec<(&str, As<'_>)> = { ROLES.into_iter() }
        .map(|role| (role, rig.as_a(&format!("the-{role}"), &[role])))
        .collect();
    for (method, path, body, may) in rights(id, request) {
        for (role, who) in &keyed {
            let answer = match method {
                "GET" => who.get(&path),
                _ => who.post(&path, &body),
            };
            // It is done, or done already.
            let allowed = answer.status < 300 || answer.status == 409;
            assert_eq!(
                allowed,
                may.contains(role),
                "{role}: {method} {path}: {} {}",
                answer.status,
                answer.text()
            );
            if !allowed {
                answer.assert_problem();
                assert!(
                    matches!(answer.status, 403 | 404),
                    "{role}: {path}: {}",
                    answer.status
                );
            }
        }
        let nobody = match method {
            "GET" => rig.anybody().get(&path),
            _ => rig.anybody().post(&path, &body),
        };
        nobody.is(401);
    }
    // Somebody's execution is there for nobody else who does not see all, whatever is asked of it.
    for role in ["agent", "submitter"] {
        let other = rig.as_a(&format!("other-{role}"), &[role]);
        for path in [
            "",
            "/plan",
            "/decision",
            "/timeline",
            "/output",
            "/context",
            "/events",
            "/replay",
            "/steps/look",
        ] {
            other.get(&format!("/v1/executions/{id}{path}")).is(404);
        }
        for verb in ["cancel", "pause", "resume", "continue", "rerun", "revoke"] {
            other.act(&format!("/v1/executions/{id}:{verb}")).is(404);
        }
        other
            .post(
                &format!("/v1/executions/{id}:replan"),
                &json!({ "plan": reads("x", 1) }),
            )
            .is(404);
        let resolve = json!({ "resolution": "not_done" });
        other
            .post(&format!("/v1/executions/{id}/steps/look:resolve"), &resolve)
            .is(404);
        other
            .post(
                &format!("/v1/executions/{id}:override"),
                &json!({ "step": "put", "reason": "x" }),
            )
            .is(403);
        let listed = other.get("/v1/executions?principal=ann").is(200).json();
        assert_eq!(listed["executions"], json!([]));
        assert_eq!(other.get("/v1/inbox").is(200).json()["inbox"], json!([]));
        assert_eq!(
            other.stream(&format!("/v1/executions/{id}/events")).status,
            404
        );
    }
    // Who only looks steers nothing.
    for role in ["viewer", "approver", "auditor"] {
        let who = rig.as_a(&format!("looks-{role}"), &[role]);
        who.act(&format!("/v1/executions/{id}:cancel")).is(403);
        who.act(&format!("/v1/executions/{id}:pause")).is(403);
        who.post("/v1/freeze", &json!({})).is(403);
    }
}

#[test]
fn nobody_answers_who_is_not_asked() {
    let rig = Rig::with(Setup {
        policy: Some(OTHER),
        ..Setup::default()
    });
    rig.key("root", &["admin"]);
    let asks = |plan: &Value, by: &As<'_>| {
        let made = by.submit(plan).is(202).json();
        made["request_id"].as_str().unwrap().to_owned()
    };
    let approve = json!({ "choice": "approve" });
    let bot = rig.as_a("bot", &["agent"]);
    let request = asks(&writes("bots"), &bot);
    let path = format!("/v1/inbox/{request}:answer");
    // An agent never answers, its own requests neither, whatever other role it has.
    bot.post(&path, &approve).is(403);
    rig.as_a("both", &["agent", "approver"])
        .post(&path, &approve)
        .is(403);
    for role in ["viewer", "auditor"] {
        rig.as_a(role, &[role]).post(&path, &approve).is(403);
    }
    // Another submitter does not even see it.
    rig.as_a("sue", &["submitter"])
        .post(&path, &approve)
        .is(404);
    rig.anybody().post(&path, &approve).is(401);
    // What asks for a role is answered by nobody without it, and seen by whoever has it.
    let plan = json!({ "version": 1, "name": "paid", "steps": [{ "id": "ask", "tool": "human.ask",
        "args": { "question": "Pay?", "choices": ["yes", "no"], "approvers": ["role:finance"] } }] });
    let ann = rig.as_a("ann", &["submitter"]);
    let id = ann.run_id(&plan);
    let fin = rig.as_a("fin", &["finance"]);
    let listed = fin.get("/v1/inbox").is(200).json();
    assert_eq!(listed["inbox"].as_array().unwrap().len(), 1, "{listed}");
    let asked = listed["inbox"][0]["request_id"].as_str().unwrap();
    let answers = format!("/v1/inbox/{asked}:answer");
    let yes = json!({ "choice": "yes" });
    ann.post(&answers, &yes).is(403);
    rig.as_a("app", &["approver"]).post(&answers, &yes).is(403);
    fin.get(&format!("/v1/executions/{id}")).is(200);
    fin.act(&format!("/v1/executions/{id}:cancel")).is(403);
    fin.post(&answers, &yes).is(200);
    // A request is for nobody to know of whom it does not ask.
    fin.get(&format!("/v1/inbox/{request}")).is(404);
    rig.as_a("ok", &["approver"]).post(&path, &approve).is(200);
}

#[test]
fn whoever_is_not_logged_in_on_this_machine_lets_nothing_happen() {
    let rig = Rig::new();
    let anybody = rig.anybody();
    let who = anybody.get("/v1/whoami").is(200).json();
    assert_eq!(
        (&who["via"], &who["needs_login"]),
        (&json!("loopback"), &json!(true))
    );
    let made = anybody.submit(&writes("asks")).is(202).json();
    let (id, request) = (
        made["execution_id"].as_str().unwrap(),
        made["request_id"].as_str().unwrap(),
    );
    let approve = json!({ "choice": "approve" });
    let refused = anybody
        .post(&format!("/v1/inbox/{request}:answer"), &approve)
        .is(403)
        .json();
    assert!(
        refused["remedy"].as_str().unwrap().contains("link"),
        "{refused}"
    );
    for path in [
        "/v1/thaw",
        "/v1/audit:verify",
        "/v1/tools/fs.read:disable",
        "/v1/tools/fs.read:accept",
    ] {
        anybody.act(path).is(403);
    }
    anybody
        .post("/v1/keys", &json!({ "name": "me", "roles": ["admin"] }))
        .is(403);
    anybody.act(&format!("/v1/executions/{id}:resume")).is(403);
    anybody.act(&format!("/v1/executions/{id}:revoke")).is(403);
    anybody
        .post(
            &format!("/v1/executions/{id}:cancel"),
            &json!({ "force": true }),
        )
        .is(403);
    anybody.get("/v1/audit/export").is(403);
    anybody.get("/v1/keys").is(403);
    // What came through something else is nobody's here.
    for mark in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
        anybody.and(mark, "10.0.0.1").get("/v1/executions").is(401);
    }
    // It may look, and stop.
    anybody.get(&format!("/v1/executions/{id}")).is(200);
    anybody.act(&format!("/v1/executions/{id}:cancel")).is(200);
    anybody.act("/v1/freeze").is(200);
    // Once there is a key, nobody comes without one.
    rig.key("root", &["admin"]);
    anybody.get("/v1/executions").is(401);
    anybody.submit(&reads("x", 1)).is(401);
}

#[test]
fn log_ins_cannot_be_forged_or_used_by_other_pages() {
    let rig = Rig::new();
    let link = rig.link();
    let forged = |with: Value| rig.anybody().post("/login", &with);
    for wrong in [
        "",
        "0",
        &"0".repeat(link.len()),
        &format!("{link}0"),
        &link[1..],
    ] {
        forged(json!({ "link": wrong })).is(401);
    }
    forged(json!({ "key": "mandate_x" })).is(401);
    forged(json!({})).is(400);
    forged(json!({ "key": "x", "link": "y" })).is(400);
    // A page of somebody else cannot log in, not even with what works.
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        rig.anybody()
            .and(name, value)
            .post("/login", &json!({ "link": link }))
            .is(403);
    }
    let me = rig.logged_in(json!({ "link": link }));
    // A link works once; the next one was told meanwhile.
    forged(json!({ "link": link })).is(401);
    assert_ne!(rig.link(), link);
    let who = me.get("/v1/whoami").is(200).json();
    assert_eq!(
        (&who["via"], &who["needs_login"]),
        (&json!("link"), &json!(false))
    );
    // Its changing requests carry a header that no other page can know, and come from no other page.
    let freeze = |who: &As<'_>| who.act("/v1/freeze");
    freeze(&me.without("x-mandate-csrf")).is(403);
    freeze(
        &me.without("x-mandate-csrf")
            .and("x-mandate-csrf", &"0".repeat(64)),
    )
    .is(403);
    freeze(&me.and("origin", "https://evil.example")).is(403);
    freeze(&me.and("sec-fetch-site", "same-site")).is(403);
    assert_eq!(me.get("/v1/freeze").is(200).json()["freeze"], Value::Null);
    let own = format!("http://{}", rig.address());
    freeze(&me.and("origin", &own)).is(200);
    me.act("/v1/thaw").is(200);
    // A cookie that nobody was given is no log-in, and does not fall back to anything else.
    for cookie in [
        "mandate=",
        "mandate=0",
        &format!("mandate={}", "f".repeat(64)),
        "__Host-mandate=x",
    ] {
        rig.anybody()
            .and("cookie", cookie)
            .get("/v1/executions")
            .is(401);
    }
    // Over is over.
    me.act("/logout").is(204);
    me.get("/v1/whoami").is(401);
}

#[test]
fn a_cookie_is_for_this_server_alone_and_ends() {
    let settings = ServerSettings {
        behind_tls: true,
        session_idle: Duration::from_millis(300),
        ..ServerSettings::default()
    };
    let rig = Rig::with(Setup {
        settings,
        ..Setup::default()
    });
    let key = rig.key("root", &["admin"]);
    let answer = rig.anybody().post("/login", &json!({ "key": key })).is(200);
    let cookie = answer.header("set-cookie").unwrap();
    for part in [
        "__Host-mandate=",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Secure",
        "; Path=/",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(&key) && !answer.text().contains(&key));
    let me = rig
        .anybody()
        .and("cookie", cookie.split(';').next().unwrap());
    me.get("/v1/whoami").is(200);
    // A key that is revoked ends what was begun with it.
    let ann = rig.key("ann", &["viewer"]);
    let theirs = rig.logged_in(json!({ "key": ann }));
    theirs.get("/v1/whoami").is(200);
    rig.with_key(&key).act("/v1/keys/ann:revoke").is(200);
    theirs.get("/v1/whoami").is(401);
    rig.with_key(&ann).get("/v1/whoami").is(401);
    std::thread::sleep(Duration::from_millis(400));
    me.get("/v1/whoami").is(401);
}

#[test]
fn keys_are_whole_and_shown_once() {
    let rig = Rig::keyed();
    let key = rig.key("ann", &["viewer"]);
    let ann = rig.with_key(&key);
    ann.get("/v1/whoami").is(200);
    let last = key.chars().last().unwrap();
    let other = if last == '0' { "1" } else { "0" };
    let near = format!("{}{other}", &key[..key.len() - 1]);
    for wrong in [
        &near,
        &key.to_uppercase(),
        &key[..key.len() - 1],
        "",
        "mandate_",
        "x",
    ] {
        rig.with_key(wrong).get("/v1/whoami").is(401);
    }
    for header in [
        key.clone(),
        format!("Basic {key}"),
        "Bearer".to_owned(),
        "Bearer \u{e9}".to_owned(),
    ] {
        let refused = rig
            .anybody()
            .and("authorization", &header)
            .get("/v1/whoami")
            .is(401);
        assert!(
            refused
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
    // Two are none, and one that does not hold is not made up for by a cookie.
    ann.and("authorization", &format!("Bearer {key}"))
        .get("/v1/whoami")
        .is(401);
    let logged_in = rig.logged_in(json!({ "key": key }));
    logged_in
        .and("authorization", "Bearer mandate_x")
        .get("/v1/whoami")
        .is(401);
    let listed = rig.as_a("aud", &["auditor"]).get("/v1/keys").is(200).text();
    assert!(!listed.contains(&key), "{listed}");
    // Guessing is put on record, and is held up.
    let refusals = rig
        .as_a("aud2", &["auditor"])
        .get("/v1/audit/events?limit=100")
        .is(200)
        .text();
    assert!(refusals.contains("refused"), "{refusals}");
    let guessed = (0..80).map(|_| rig.anybody().post("/login", &json!({ "link": "x" })).status);
    assert_eq!(guessed.last(), Some(429));
}

#[test]
fn the_server_goes_by_its_own_names_and_lets_no_page_of_others_read() {
    let settings = ServerSettings {
        allowed_hosts: vec!["mandate.example".to_owned()],
        requests_per_minute: Some(3),
        ..ServerSettings::default()
    };
    let rig = Rig::with(Setup {
        settings,
        ..Setup::default()
    });
    let anybody = rig.anybody();
    for host in [
        "evil.example",
        "mandate.example.evil.example",
        "127.0.0.1.evil.example",
        "",
    ] {
        let status = anybody.and("host", host).get("/health/live").status;
        assert!(matches!(status, 400 | 421), "{host}: {status}");
    }
    for host in [
        "mandate.example",
        "mandate.example:443",
        "localhost:1",
        "[::1]:7447",
    ] {
        anybody.and("host", host).get("/health/live").is(200);
    }
    let both = anybody.and("host", "localhost").and("host", "evil.example");
    both.get("/health/live").is(400);
    // A full address in the first line counts, too.
    let text = format!(
        "GET http://evil.example/health/live HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        rig.address()
    );
    let answer = String::from_utf8_lossy(&raw(rig.address(), text.as_bytes())).into_owned();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    let none = raw(
        rig.address(),
        b"GET /health/live HTTP/1.1\r\nconnection: close\r\n\r\n",
    );
    assert!(
        none.starts_with(b"HTTP/1.1 400"),
        "{}",
        String::from_utf8_lossy(&none)
    );
    // There is no CORS: neither for what is asked nor for what asks whether it may.
    let foreign = anybody.and("origin", "https://evil.example");
    let read = foreign.get("/v1/executions").is(200);
    assert_eq!(read.header("access-control-allow-origin"), None);
    let asked = foreign.and("access-control-request-method", "POST").send(
        "OPTIONS",
        "/v1/executions",
        None,
    );
    assert_eq!(asked.status, 405);
    assert_eq!(asked.header("access-control-allow-origin"), None);
    foreign.submit(&reads("x", 1)).is(403);
    // So many requests and no more.
    let statuses: Vec<u16> = (0..4).map(|_| anybody.get("/v1/whoami").status).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let limited = anybody.get("/v1/whoami").is(429);
    assert!(
        limited
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
}

#[test]
fn nobody_elsewhere_is_served_while_nobody_has_a_key() {
    let settings = ServerSettings {
        listen: "0.0.0.0:0".to_owned(),
        ..ServerSettings::default()
    };
    let refused = Rig::try_with(Setup {
        settings,
        ..Setup::default()
    });
    assert!(matches!(
        refused,
        Err(mandate_server::serving::NoServer::Unkeyed(_))
    ));
}

#[test]
fn a_connection_that_stays_open_is_answered_request_by_request() {
    let rig = Rig::keyed();
    let ann = rig.key("ann", &["viewer"]);
    let mut stream = connect(rig.address());
    let mut ask = |authorization: &str| {
        let text = format!("GET /v1/whoami HTTP/1.1\r\nhost: localhost\r\n{authorization}\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = [0_u8; 4_096];
        let read = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    let key = format!("authorization: Bearer {ann}\r\n");
    assert!(ask(&key).starts_with("HTTP/1.1 200"));
    // What was shown for one request is not shown for the next.
    assert!(ask("").starts_with("HTTP/1.1 401"));
    assert!(ask(&key).starts_with("HTTP/1.1 200"));
}

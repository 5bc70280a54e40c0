//! Who answers for agents where nobody wrote a policy.

use crate::rig::{Rig, writes};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn people_who_approve_answer_for_agents_and_no_agent_does() {
    let rig = Rig::keyed();
    let approve = json!({ "choice": "approve" });
    let bot = rig.as_a("bot", &["agent"]);
    let vic = rig.as_a("vic", &["viewer", "auditor"]);
    for (name, roles) in [("app", "approver"), ("boss", "admin")] {
        let made = bot.submit(&writes(name)).is(202).json();
        let execution = format!("/v1/executions/{}", made["execution_id"].as_str().unwrap());
        let request = format!("/v1/inbox/{}", made["request_id"].as_str().unwrap());
        let asked = vic.get(&request).is(200).json();
        assert_eq!(asked["approvers"], json!(["requester or other"]), "{asked}");
        let answer = format!("{request}:answer");
        for (wrong, roles) in [
            ("bot", &["agent"] as &[&str]),
            ("bot", &["agent", "approver", "admin"]),
            ("twin", &["agent", "approver"]),
            ("ops", &["operator"]),
            ("vic", &["viewer", "auditor"]),
        ] {
            let refused = rig.as_a(wrong, roles).post(&answer, &approve).is(403);
            // Agents, and who only looks, are not even listened to.
            let code = match wrong {
                "ops" => "APPROVER_MISMATCH",
                _ => "POLICY_DENIED",
            };
            assert_eq!(refused.json()["code"], code, "{wrong}");
        }
        assert_eq!(vic.get(&execution).json()["state"], "waiting");
        rig.as_a(name, &[roles]).post(&answer, &approve).is(200);
        let until = Instant::now() + Duration::from_secs(20);
        while vic.get(&execution).json()["state"] != "completed" {
            assert!(Instant::now() < until, "{}", vic.get(&execution).text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

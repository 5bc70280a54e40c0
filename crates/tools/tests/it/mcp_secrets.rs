//! Secrets that the configuration of a server hands it.

use crate::{
    fake_server::Fake,
    fixture::{Fixture, Setup},
};
use mandate_tools::Lifecycle;
use serde_json::{Value, json};

const SECRET: &str = "hunter2-hunter2";

fn setup(tools: &[&str]) -> Setup {
    Setup::default().secret("TOKEN", SECRET, tools, &[])
}

fn fake(options: &[&str], tools: &[&str]) -> Fake {
    let fake = Fake::new(options).cached().knowing(&setup(tools));
    fake.configure(|config| {
        let text = "token ${secrets.TOKEN}, ${HOME:-home}";
        config.env.insert("TOKEN".to_owned(), text.to_owned());
    })
}

fn everything(f: &Fixture, fake: &Fake) -> String {
    let kept = std::fs::read_to_string(fake.cache().join("fake.json")).unwrap_or_default();
    format!("{kept}{:?}", f.runner.registry().list())
}

#[tokio::test]
async fn it_gets_them_and_nobody_else_sees_them() {
    let fake = fake(&["tells"], &["fake.*"]);
    let f = fake.ready(setup(&["fake.*"])).await;
    let said = f.output("fake.echo", json!({})).await;
    let given: &Value = &said["env"]["TOKEN"];
    assert!(
        given
            .as_str()
            .unwrap()
            .starts_with("token [secret TOKEN], /"),
        "{given}"
    );
    // It did get the value, and wrote it into the description of a tool.
    let told = f.runner.registry().status("fake.told").unwrap();
    assert_eq!(told.description, "has token [secret TOKEN], 15 bytes");
    let everything = everything(&f, &fake);
    assert!(everything.contains("fake.told"));
    assert!(!everything.contains(SECRET), "{everything}");
}

#[tokio::test]
async fn its_last_words_are_free_of_them() {
    let fake = fake(&["tells", "broken"], &["fake.*"]);
    let why = fake.provider().prepare().await.unwrap_err();
    assert!(
        why.contains("[secret TOKEN]") && !why.contains(SECRET),
        "{why}"
    );
}

#[tokio::test]
async fn a_secret_is_for_the_whole_server_or_for_none_of_it() {
    for tools in [&[][..], &["fake.echo"], &["fakes.*"]] {
        let fake = fake(&[], tools);
        let provider = fake.provider();
        let why = provider.prepare().await.unwrap_err();
        assert!(
            why.contains("may not be given to `fake.*`"),
            "{tools:?}: {why}"
        );
        assert!(fake.logged("start").is_empty());
    }
}

#[tokio::test]
async fn arguments_hold_none() {
    let fake = Fake::new(&["${secrets.TOKEN}"]).knowing(&setup(&["fake.*"]));
    let why = fake.provider().prepare().await.unwrap_err();
    assert!(why.contains("outside of its `env`"), "{why}");
    assert!(fake.logged("start").is_empty());
    let f = Setup {
        providers: vec![fake.provider()],
        ..Setup::default()
    };
    let listed = f.build().runner.registry().list();
    assert!(
        listed
            .iter()
            .all(|tool| tool.lifecycle == Lifecycle::Initialized)
    );
}

//! Configuration, `init` and `doctor`.

use crate::project::Project;

#[test]
fn init_writes_a_configuration_that_is_valid_and_never_overwrites() {
    let project = Project::new();
    let folder = project.path("new");
    std::fs::create_dir(&folder).unwrap();
    let init = |args: &[&str]| project.command_in(&folder, args).output().unwrap();
    assert!(init(&["init"]).status.success());
    assert!(folder.join(".mandate/.gitignore").exists());
    assert!(init(&["doctor"]).status.success());
    std::fs::write(folder.join("mandate.toml"), "# mine\n").unwrap();
    assert_eq!(init(&["init"]).status.code(), Some(2));
    assert_eq!(
        std::fs::read_to_string(folder.join("mandate.toml")).unwrap(),
        "# mine\n"
    );
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let project = Project::new();
    project.write("mandate.toml", "[http]\ntimeout = 3\n");
    let ran = project.run(&["executions", "list"]).exits(2);
    assert!(
        ran.stderr
            .contains("mandate.toml:2:1: there is no setting `http.timeout`"),
        "{}",
        ran.stderr
    );
    let ran = project.run(&["doctor", "--json"]).exits(1);
    assert_eq!(ran.json()["ok"], false);
}

#[test]
fn the_users_configuration_cannot_be_widened_by_the_project() {
    let project = Project::new();
    let user = project.dir().parent().unwrap().join("home/.config/mandate");
    std::fs::create_dir_all(&user).unwrap();
    std::fs::write(user.join("mandate.toml"), "[fs]\nmax_bytes = 1000\n").unwrap();
    project.write("mandate.toml", "[fs]\nmax_bytes = 500\n");
    project.run(&["tools", "list"]).exits(0);
    project.write("mandate.toml", "[fs]\nmax_bytes = 5000\n");
    let ran = project.run(&["tools", "list"]).exits(2);
    assert!(ran.stderr.contains("may only lower it"), "{}", ran.stderr);
}

#[test]
fn the_data_directory_is_beside_the_configuration_or_where_the_flag_says() {
    let project = Project::new();
    let inner = project.path("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    let run = |args: &[&str]| project.command_in(&inner, args).output().unwrap();
    assert!(run(&["tools", "call", "time.now"]).status.success());
    assert!(project.path(".mandate/journal.db").exists());
    assert!(
        run(&["tools", "call", "time.now", "--data-dir", "here"])
            .status
            .success()
    );
    assert!(inner.join("here/journal.db").exists());
    std::fs::remove_file(project.path("mandate.toml")).unwrap();
    assert!(run(&["tools", "call", "time.now"]).status.success());
    let home = project
        .dir()
        .parent()
        .unwrap()
        .join("home/.local/share/mandate/journal.db");
    assert!(home.exists());
}

#[test]
fn doctor_says_what_is_wrong_with_secrets() {
    let project = Project::new();
    project.write(
        "mandate.toml",
        "[secrets.A]\nenv = \"NOT_SET\"\ntools = [\"http.request\"]\n[secrets.B]\nfile = \"b.txt\"\n",
    );
    project.write("b.txt", "long enough\n");
    let ran = project.run(&["doctor"]).exits(1);
    assert!(
        ran.stdout.contains("A: the variable `NOT_SET` is not set"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("B: no tool may receive it"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("long enough"));
}

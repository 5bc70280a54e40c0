//! Every plan that the documents show, and every plan under `examples`, is valid.

use mandate_plan::{Format, Level, check, parse};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_path_buf()
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

/// The blocks of a document that are whole plans.
fn shown(text: &str) -> Vec<String> {
    text.split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|block| block.lines().any(|line| line.starts_with("version:")))
        .map(str::to_owned)
        .collect()
}

fn assert_valid(place: &Path, plan: &str) {
    let document = parse(plan.as_bytes(), Format::Yaml)
        .unwrap_or_else(|violations| panic!("{}: {violations:#?}", place.display()));
    let checked = check(&document, None);
    let errors: Vec<_> = checked
        .violations
        .iter()
        .filter(|violation| violation.level == Level::Error)
        .collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", place.display());
}

#[test]
fn plans_in_documents_are_valid() {
    let mut documents = vec![root().join("README.md")];
    files(&root().join("docs"), "md", &mut documents);
    let mut count = 0;
    for path in documents {
        for plan in shown(&fs::read_to_string(&path).unwrap()) {
            assert_valid(&path, &plan);
            count += 1;
        }
    }
    assert!(
        count >= 2,
        "only {count} plans were found: the search is broken"
    );
}

#[test]
fn examples_are_valid() {
    let mut plans = Vec::new();
    files(&root().join("examples"), "yaml", &mut plans);
    // Tests of policies are YAML too, and no plans.
    plans.retain(|path| {
        !path
            .components()
            .any(|part| part.as_os_str() == "policy-tests")
    });
    for path in plans {
        assert_valid(&path, &fs::read_to_string(&path).unwrap());
    }
}

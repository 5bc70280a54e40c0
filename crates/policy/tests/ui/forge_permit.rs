//! A permit has private fields.
fn main() {
    let _ = mandate_policy::Permit { step: String::from("s"), attempt: 1 };
}

//! Plans that are in use: executions of one plan share it, however they came to this host.

use mandate_plan::{CheckedPlan, Digest};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// How many plans are noted before those no longer in use are looked for.
const LOOK_AT: usize = 64;

/// Plans by their hash, as long as an execution holds them.
#[derive(Debug, Default)]
pub(crate) struct KnownPlans {
    plans: BTreeMap<Digest, Weak<CheckedPlan>>,
    in_use: usize,
}

impl KnownPlans {
    /// The plan of that hash, loaded unless an execution holds it.
    ///
    /// # Errors
    /// What `load` fails with.
    pub(crate) fn get_or<E>(
        &mut self,
        hash: &Digest,
        load: impl FnOnce() -> Result<Arc<CheckedPlan>, E>,
    ) -> Result<Arc<CheckedPlan>, E> {
        if let Some(plan) = self.plans.get(hash).and_then(Weak::upgrade) {
            return Ok(plan);
        }
        let plan = load()?;
        if self.plans.len() >= LOOK_AT.max(self.in_use.saturating_mul(2)) {
            self.plans.retain(|_, plan| plan.strong_count() > 0);
            self.in_use = self.plans.len();
        }
        self.plans.insert(*hash, Arc::downgrade(&plan));
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_plan::{Format, check, parse};

    fn plan(number: usize) -> Arc<CheckedPlan> {
        let text = format!(
            r#"{{"version":1,"name":"p{number}","steps":[{{"id":"a","tool":"data.value","args":{{"value":1}}}}]}}"#
        );
        let document = parse(text.as_bytes(), Format::Json).unwrap();
        check(&document, None).plan.unwrap()
    }

    #[test]
    fn a_plan_is_loaded_once_while_it_is_held() {
        let (mut known, first) = (KnownPlans::default(), plan(0));
        let hash = *first.hash();
        let held = known.get_or(&hash, || Ok::<_, ()>(first)).unwrap();
        assert!(Arc::ptr_eq(
            &held,
            &known.get_or(&hash, || Err(())).unwrap()
        ));
        drop(held);
        assert!(known.get_or(&hash, || Err(())).is_err());
    }

    #[test]
    fn plans_that_nobody_holds_are_forgotten() {
        let mut known = KnownPlans::default();
        for number in 0..=LOOK_AT {
            let plan = plan(number);
            known
                .get_or(&plan.hash().clone(), || Ok::<_, ()>(plan))
                .unwrap();
        }
        assert_eq!(known.plans.len(), 1);
    }
}

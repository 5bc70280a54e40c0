//! The tool runner: the only place where a tool is called.

use crate::{
    Authorized, CallContext, CallReport, Check, Fault, Lifecycle, Outcome, ReadReport, Registry,
    Report, StopFlag, Told, TracePlace, UnderWay, look_up,
    metrics::Running,
    outside,
    registry::Entry,
    secret::{
        Inserted, Scrubber, SecretSource, SecretUse, SecretValue, Taken, Vault, insert,
        secret_fault,
    },
};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::{ErrorCode, ToolLookup};
use mandate_policy::{Permit, Refusal, ResolvedCall, ResourceGuard};
use serde_json::Value;
use std::{collections::BTreeMap, io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

/// The largest output of one call, in bytes of JSON.
pub const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;

/// What the host drives: the runner, or a fake in tests.
pub trait Tools: Send + Sync {
    /// Carries out one call. Dropping the future stops the call at once, its processes included.
    fn run(&self, permit: Permit, call: ResolvedCall) -> BoxFuture<'static, Report>;

    /// The same as a part of a trace: `place` goes with the call where the tool's way of being called has room for it, and
    /// is told what that way was like.
    fn run_within(
        &self,
        permit: Permit,
        call: ResolvedCall,
        place: Option<TracePlace>,
    ) -> BoxFuture<'static, Report> {
        let _ = place;
        self.run(permit, call)
    }

    /// Whether this call ends without waiting for anything, so that it may be made where it is decided.
    fn answers_at_once(&self, call: &ResolvedCall) -> bool {
        let _ = call;
        false
    }

    /// The runtime on which what the call waits for comes in; none = any. Where the call runs there, no other thread is woken
    /// for it and with what came of it.
    fn runs_on(&self, call: &ResolvedCall) -> Option<tokio::runtime::Handle> {
        let _ = call;
        None
    }

    /// Asks the tool of a call whose outcome is unknown what became of it; none if it has no status look-up. The call's
    /// arguments are those of the journal, placeholders in place of secrets.
    fn look_up(&self, call: ResolvedCall) -> Option<BoxFuture<'static, Told>> {
        let _ = call;
        None
    }

    /// A call that somebody outside makes: everything that must hold before it does, and the permit is used up. What is
    /// given counts as the call under way.
    ///
    /// # Errors
    /// Why the call may not be made.
    fn hand_out(&self, permit: Permit, call: &ResolvedCall) -> Result<Box<dyn UnderWay>, Fault> {
        drop(permit);
        let message = format!("nobody outside calls `{}`", call.tool);
        Err(Fault::new(ErrorCode::NotSupported, message))
    }

    /// A call of the tool was under way outside when the process before this one ended.
    fn is_under_way(&self, tool: &str) -> Box<dyn UnderWay> {
        let _ = tool;
        Box::new(())
    }

    /// Reads what somebody outside reports of a call that was handed out. The call's arguments are those of the journal,
    /// placeholders in place of secrets.
    fn read_report(
        &self,
        call: ResolvedCall,
        report: CallReport,
    ) -> BoxFuture<'static, ReadReport> {
        let _ = call;
        async move { ReadReport::of(report) }.boxed()
    }

    /// The tools that can be used now.
    fn lookup(&self) -> Arc<dyn ToolLookup + Send + Sync>;

    /// The execution has ended: nothing that is kept for it is needed any more.
    fn forget(&self, _execution_id: &str) {}
}

/// The tool runner.
pub struct Runner {
    registry: Arc<Registry>,
    secrets: Arc<dyn SecretSource>,
    vault: Arc<Vault>,
}

impl Runner {
    /// A runner over the registry's tools.
    pub fn new(registry: Arc<Registry>, secrets: Arc<dyn SecretSource>) -> Self {
        Self {
            registry,
            secrets,
            vault: Arc::default(),
        }
    }

    /// The registry.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

impl Tools for Runner {
    fn run(&self, permit: Permit, call: ResolvedCall) -> BoxFuture<'static, Report> {
        self.run_within(permit, call, None)
    }

    fn run_within(
        &self,
        permit: Permit,
        call: ResolvedCall,
        place: Option<TracePlace>,
    ) -> BoxFuture<'static, Report> {
        if let Some(fault) = self.registry.off(&call.tool) {
            return refused(fault);
        }
        let Some(entry) = self.registry.entry(&call.tool) else {
            let message = format!("there is no tool `{}`", call.tool);
            return refused(Fault::new(ErrorCode::ActionNotFound, message));
        };
        let (secrets, vault) = (Arc::clone(&self.secrets), Arc::clone(&self.vault));
        let taken = Taken::of(&call);
        // Not within the future: a call that is dropped before it is first polled counts too.
        let mut running = Running::begin(Arc::clone(&entry.life));
        async move {
            let mut outcome = carry_out(&entry, permit, call, place, (&*secrets, &vault)).await;
            vault.take(&taken, &mut outcome);
            if matches!(outcome, Outcome::Completed { .. }) {
                running.succeeded();
            }
            Report {
                outcome,
                elapsed_ms: running.elapsed_ms(),
            }
        }
        .boxed()
    }

    fn answers_at_once(&self, call: &ResolvedCall) -> bool {
        // A time limit needs the clock of the threads that tools run on, and a secret may have to be fetched.
        call.timeout_ms.is_none()
            && call.secrets.is_empty()
            && self
                .registry
                .entry(&call.tool)
                .is_some_and(|entry| entry.provider.answers_at_once(&call.tool))
    }

    fn runs_on(&self, call: &ResolvedCall) -> Option<tokio::runtime::Handle> {
        self.registry.entry(&call.tool)?.provider.runs_on()
    }

    fn look_up(&self, call: ResolvedCall) -> Option<BoxFuture<'static, Told>> {
        let on = self.registry.off(&call.tool).is_none();
        let entry = self.registry.entry(&call.tool).filter(|_| on)?;
        let limit = entry.provider.look_up_limit(&call.tool)?;
        let (secrets, vault) = (Arc::clone(&self.secrets), Arc::clone(&self.vault));
        Some(async move { look_up::ask(&entry, call, limit, &*secrets, &vault).await }.boxed())
    }

    fn hand_out(&self, permit: Permit, call: &ResolvedCall) -> Result<Box<dyn UnderWay>, Fault> {
        if let Some(fault) = self.registry.off(&call.tool) {
            return Err(fault);
        }
        let Some(entry) = self.registry.entry(&call.tool) else {
            let message = format!("there is no tool `{}`", call.tool);
            return Err(Fault::new(ErrorCode::ActionNotFound, message));
        };
        if !entry.definition.spec.external {
            let message = format!("`{}` is called by Mandate, and not outside", call.tool);
            return Err(Fault::new(ErrorCode::NotSupported, message));
        }
        before(&entry, &permit, call)?;
        drop(permit);
        Ok(Box::new(Running::begin(Arc::clone(&entry.life))))
    }

    fn is_under_way(&self, tool: &str) -> Box<dyn UnderWay> {
        match self.registry.entry(tool) {
            Some(entry) => Box::new(Running::begin(Arc::clone(&entry.life))),
            None => Box::new(()),
        }
    }

    fn read_report(
        &self,
        call: ResolvedCall,
        report: CallReport,
    ) -> BoxFuture<'static, ReadReport> {
        // Whatever became of the tool since, the call was made.
        let entry = self.registry.entry(&call.tool);
        let (secrets, vault) = (Arc::clone(&self.secrets), Arc::clone(&self.vault));
        outside::read(entry, call, report, secrets, vault).boxed()
    }

    fn lookup(&self) -> Arc<dyn ToolLookup + Send + Sync> {
        self.registry.snapshot()
    }

    fn forget(&self, execution_id: &str) {
        self.vault.forget(execution_id);
    }
}

fn refused(fault: Fault) -> BoxFuture<'static, Report> {
    let report = Report {
        outcome: Outcome::Refused(fault),
        elapsed_ms: 0,
    };
    async move { report }.boxed()
}

async fn carry_out(
    entry: &Entry,
    permit: Permit,
    call: ResolvedCall,
    trace: Option<TracePlace>,
    (secrets, vault): (&dyn SecretSource, &Vault),
) -> Outcome {
    if let Err(fault) = before(entry, &permit, &call) {
        return Outcome::Refused(fault);
    }
    let values = match resolve(entry, &call, secrets, vault).await {
        Ok(values) => values,
        Err(fault) => return Outcome::Refused(fault),
    };
    let scrubber = Arc::new(Scrubber::new(&values));
    let Inserted { args, places } = match insert(call.args.clone(), &call.secrets, &values) {
        Ok(inserted) => inserted,
        Err(fault) => return Outcome::Refused(fault),
    };
    drop(values);
    // A secret inside a URL could be read as another host than the one that was checked.
    if !call.secrets.is_empty()
        && entry.provider.destination(&call.tool, &args)
            != entry.provider.destination(&call.tool, &call.args)
    {
        let message =
            "with its secrets inserted the call would go elsewhere; move the secret out of the URL";
        return Outcome::Refused(Fault::new(ErrorCode::ArgumentViolation, message));
    }
    let timeout = call.timeout_ms.map(Duration::from_millis);
    let stop = StopFlag::default();
    let context = CallContext {
        execution_id: call.execution_id,
        step: call.step,
        item: call.item,
        attempt: call.attempt,
        tool: call.tool,
        tool_digest: *permit.tool_digest(),
        args,
        secret_places: places,
        idempotency_key: call.idempotency_key,
        sensitive: !call.sensitive.is_empty(),
        trace,
        timeout,
        check_path: check(permit.guard(), ResourceGuard::check_real_path),
        check_url: check(permit.guard(), ResourceGuard::check_url),
        scrubber: Arc::clone(&scrubber),
        stop: stop.clone(),
    };
    let mut outcome = {
        // Work on other threads hears of it when this future is dropped, by the host or by the timeout.
        let _stop_on_drop = StopOnDrop(stop);
        within(timeout, entry, Authorized::by(permit), context, &scrubber).await
    };
    scrubber.scrub_outcome(&mut outcome);
    after(entry, outcome)
}

/// Everything that must hold before anything is sent.
fn before(entry: &Entry, permit: &Permit, call: &ResolvedCall) -> Result<(), Fault> {
    permit.covers(call).map_err(fault_of)?;
    let spec = &entry.definition.spec;
    match entry.life.state() {
        (Lifecycle::Initialized | Lifecycle::Running, _) => {}
        (Lifecycle::Unavailable, why) => {
            let why = why.unwrap_or_default();
            return Err(Fault::new(
                ErrorCode::ToolFailed,
                format!("the tool `{}` is not available: {why}", spec.name),
            ));
        }
        (Lifecycle::Loaded | Lifecycle::Failed, why) => {
            let why = why.unwrap_or_default();
            return Err(Fault::new(
                ErrorCode::ActionNotFound,
                format!("the tool `{}` cannot be used: {why}", spec.name),
            ));
        }
    }
    if *permit.tool_digest() != spec.digest {
        return Err(Fault::new(
            ErrorCode::ToolChanged,
            format!("the tool `{}` is not the one that was approved", spec.name),
        ));
    }
    if let Some(input) = &entry.input {
        input.check(&call.args).map_err(|violations| {
            Fault::new(
                ErrorCode::InvalidPayload,
                format!(
                    "the arguments of `{}` do not fit its input schema: {}",
                    spec.name, violations.summary
                ),
            )
            .with_details(violations.details)
        })?;
    }
    Ok(())
}

/// The values of the secrets that the plan's own placeholders name.
async fn resolve(
    entry: &Entry,
    call: &ResolvedCall,
    source: &dyn SecretSource,
    vault: &Vault,
) -> Result<BTreeMap<String, SecretValue>, Fault> {
    let mut values = BTreeMap::new();
    if call.secrets.is_empty() {
        return Ok(values);
    }
    let destination = entry.provider.destination(&call.tool, &call.args);
    for slot in &call.secrets {
        if values.contains_key(&slot.name) {
            continue;
        }
        let wanted = SecretUse {
            tool: &call.tool,
            destination: &destination,
        };
        let value = match vault.value(call, &slot.name) {
            Some(value) => value,
            None => source.resolve(&slot.name, wanted).await,
        };
        let value = value.map_err(|error| secret_fault(&error))?;
        values.insert(slot.name.clone(), value);
    }
    Ok(values)
}

async fn within(
    timeout: Option<Duration>,
    entry: &Entry,
    authorized: Authorized,
    context: CallContext,
    scrubber: &Scrubber,
) -> Outcome {
    let tool = context.tool.clone();
    // The provider may panic before it gives a future, so that its call itself is within.
    let called =
        AssertUnwindSafe(async { entry.provider.call(authorized, context).await }).catch_unwind();
    let ended = match timeout {
        Some(limit) => tokio::time::timeout(limit, called).await.ok(),
        None => Some(called.await),
    };
    match ended {
        Some(Ok(outcome)) => outcome,
        Some(Err(panic)) => {
            let cause = panic_message(&*panic);
            tracing::error!(%tool, cause = %scrubber.scrub_text(cause), "a tool crashed");
            Outcome::Unknown(Fault::new(
                ErrorCode::UnknownError,
                format!("the tool `{tool}` crashed during the call; the log has the cause"),
            ))
        }
        None => {
            let limit = timeout.unwrap_or_default().as_millis();
            Outcome::Unknown(Fault::new(
                ErrorCode::StepTimeout,
                format!(
                    "the tool `{tool}` took longer than {limit} ms (`timeout_ms`) and was stopped"
                ),
            ))
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Holds an answer to its size and its schema.
pub(crate) fn after(entry: &Entry, outcome: Outcome) -> Outcome {
    let Outcome::Completed { output } = outcome else {
        return outcome;
    };
    if !fits(&output) {
        return Outcome::Invalid {
            output: None,
            fault: Fault::new(
                ErrorCode::ResourceExhausted,
                format!("the output has more than {MAX_OUTPUT_BYTES} bytes; ask the tool for less"),
            ),
        };
    }
    match entry.output.as_ref().map(|schema| schema.check(&output)) {
        None | Some(Ok(())) => Outcome::Completed { output },
        Some(Err(violations)) => {
            let name = &entry.definition.spec.name;
            let message = format!(
                "the output of `{name}` breaks its output schema: {}",
                violations.summary
            );
            Outcome::Invalid {
                output: Some(output),
                fault: Fault::new(ErrorCode::OutputInvalid, message)
                    .with_details(violations.details),
            }
        }
    }
}

fn fits(output: &Value) -> bool {
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(MAX_OUTPUT_BYTES), output).is_ok()
}

/// The permit's own rules, for use while the permit itself is consumed.
fn check(guard: &ResourceGuard, rule: fn(&ResourceGuard, &str) -> Result<(), Refusal>) -> Check {
    let guard = guard.clone();
    Arc::new(move |resource| rule(&guard, resource).map_err(fault_of))
}

fn fault_of(refusal: Refusal) -> Fault {
    Fault {
        code: refusal.code,
        message: refusal.message,
        details: refusal.expected,
    }
}

struct StopOnDrop(StopFlag);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

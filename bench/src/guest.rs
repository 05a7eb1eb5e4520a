//! The default component natively and in the sandbox, on the same batches.

use std::time::{Duration, Instant};

use bulkhead::domain::{Operation, Timestamp};
use bulkhead::sandbox::{
    CancelFlag, Compiler, Limits, Processor, ProcessorInstance, RequestContext, Sandbox, SandboxSettings,
};
use bulkhead::tenants::{Profile, TenantLimits};

use crate::Outcome;

/// Items of a chunk, as in the server.
pub(crate) const CHUNK: usize = 500;

/// Returns the default profile.
pub(crate) fn profile() -> bulkhead_rules::Profile {
    bulkhead_rules::Profile {
        fields: bulkhead_rules::fields(&[]).unwrap_or_default(),
        max_length: 64,
        owners: Vec::new(),
        stages: Vec::new(),
        companies: Vec::new(),
        now: String::from("2026-01-01T00:00:00Z"),
        settings: Vec::new(),
    }
}

/// Returns the time to plan and decide all items natively.
pub(crate) fn native(items: &[String]) -> Duration {
    // The copies count, because the sandbox copies the items into the guest, too.
    let started = Instant::now();
    let mut session = bulkhead_rules::Session::new(bulkhead_rules::Operation::Create, profile());
    let mut outcomes = 0;
    for chunk in items.chunks(CHUNK) {
        session.plan(chunk.to_vec());
        outcomes += session.decide(Vec::new(), Vec::new()).len();
    }
    assert_eq!(outcomes, items.len());
    started.elapsed()
}

/// The compiled component.
pub(crate) struct Sandboxed {
    sandbox: Sandbox,
    component: Processor,
    profile: Profile,
}

/// Makes a sandbox that compiles in this process and keeps no code.
pub(crate) fn new_sandbox() -> Outcome<Sandbox> {
    let settings = SandboxSettings {
        cache: None,
        shared_cache: None,
        instances: 4,
        guest_memory: 2 << 30,
        compiler: Compiler::InProcess,
    };
    Ok(Sandbox::new(settings)?)
}

impl Sandboxed {
    pub(crate) fn new() -> Outcome<Self> {
        let sandbox = new_sandbox()?;
        let component = sandbox.load_processor(&std::fs::read(bulkhead_tests::component("contacts"))?)?;
        Ok(Self { sandbox, component, profile: Profile::parse("{}")? })
    }

    /// Returns the average time to start an instance and drop it.
    pub(crate) fn start(&self) -> Outcome<Duration> {
        const TIMES: u32 = 2_000;
        let started = Instant::now();
        for _ in 0..TIMES {
            let instance = ProcessorInstance::start(
                &self.sandbox,
                &self.component,
                &Limits::from(&TenantLimits::default()),
                &CancelFlag::default(),
            );
            drop(instance.map_err(|stop| format!("the component stopped: {stop:?}"))?);
        }
        Ok(started.elapsed() / TIMES)
    }

    /// Returns the time to start an instance and to plan and decide all items.
    pub(crate) fn run(&mut self, items: &[String]) -> Outcome<Duration> {
        let stopped = |stop| format!("the component stopped: {stop:?}");
        let started = Instant::now();
        let mut instance = ProcessorInstance::start(
            &self.sandbox,
            &self.component,
            &Limits::from(&TenantLimits::default()),
            &CancelFlag::default(),
        )
        .map_err(stopped)?;
        let fields = instance.fields(&self.profile)?;
        let (operation, now) = (Operation::Create, Timestamp(0));
        let request = RequestContext { operation, profile: &self.profile, fields: &fields, now };
        instance.open(&request).map_err(stopped)?;
        let mut outcomes = 0;
        for chunk in items.chunks(CHUNK) {
            instance.plan(chunk).map_err(stopped)?;
            outcomes += instance.decide(chunk.len(), &[], &[]).map_err(stopped)?.len();
        }
        assert_eq!(outcomes, items.len());
        Ok(started.elapsed())
    }
}

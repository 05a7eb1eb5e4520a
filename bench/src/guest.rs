//! The default component: the same library natively and in the sandbox, on the same batches.

use std::time::{Duration, Instant};

use bulkhead::domain::{Operation, Timestamp};
use bulkhead::sandbox::{CancelFlag, Limits, Processor, ProcessorInstance, RequestContext, Sandbox};
use bulkhead::tenants::{Profile, TenantLimits};

use crate::Outcome;

/// Items in a batch, as in the service.
pub(crate) const CHUNK: usize = 500;

/// The profile of a tenant that changes nothing.
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

/// Time to plan and decide all items natively.
pub(crate) fn native(items: &[String]) -> Duration {
    // The sandbox copies the items, too: into the guest.
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

/// The component, ready to run.
pub(crate) struct Sandboxed {
    sandbox: Sandbox,
    component: Processor,
    profile: Profile,
}

impl Sandboxed {
    pub(crate) fn new() -> Outcome<Self> {
        let sandbox = Sandbox::new(None, 4)?;
        let component = sandbox.load_processor(&std::fs::read(bulkhead_tests::component("contacts"))?)?;
        Ok(Self { sandbox, component, profile: Profile::parse("{}")? })
    }

    /// Time to start an instance and drop it, on average of many.
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

    /// Time to start an instance and have it plan and decide all items.
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

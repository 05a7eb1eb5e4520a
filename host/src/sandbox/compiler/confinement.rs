//! What the compiler's process gives up before it reads a byte: memory, time, files, network, other programs.

use std::io;

/// The limits of the process, which it sets for itself.
#[derive(Debug, Clone, Copy)]
pub struct Confinement {
    /// The process that started this one.
    pub parent: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of computing, on all cores together.
    pub cpu_seconds: u64,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io;

    use libc::c_long;
    use rustix::process::{Resource, Rlimit, Signal};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    use super::Confinement;

    /// Nice value: the server's requests come first, but a busy machine still compiles.
    const NICE_VALUE: i32 = 5;
    /// The kernel ends this process rather than the server when the machine runs out of memory.
    const OOM_SCORE_ADJUSTMENT: &str = "1000";
    /// File descriptors: the three standard ones and a few that the runtime needs.
    const MAX_DESCRIPTORS: u64 = 16;
    /// Bytes of address space beyond the memory limit: the program itself, stacks, and what the allocator reserves.
    const EXTRA_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

    /// The system calls of a process that computes, allocates, starts threads, and reads and writes open pipes. All others
    /// fail as unknown, so there is no way to open a file, a socket or another process, or to run a program.
    const ALLOWED_CALLS: &[c_long] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_membarrier,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    impl Confinement {
        /// Sets the limits of the process, and has it end with the process that started it.
        ///
        /// # Errors
        /// If a limit cannot be set, or the process that started this one is gone.
        pub(super) fn limit(&self) -> io::Result<()> {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The signal is not sent if the parent had ended before.
            let parent = rustix::process::getppid().map(|parent| parent.as_raw_pid());
            if parent.and_then(|parent| u32::try_from(parent).ok()) != Some(self.parent) {
                return Err(io::Error::other("the process that started the compiler is gone"));
            }
            rustix::thread::set_no_new_privs(true)?;
            let memory = self.memory;
            for (resource, limit) in [
                (Resource::Core, 0),
                (Resource::Data, memory),
                (Resource::As, memory.saturating_mul(2).saturating_add(EXTRA_ADDRESS_SPACE_BYTES)),
                (Resource::Cpu, self.cpu_seconds),
                (Resource::Fsize, 0),
                (Resource::Nofile, MAX_DESCRIPTORS),
            ] {
                let now = rustix::process::getrlimit(resource);
                // A limit that is stricter already stays.
                let limit = [now.current, now.maximum].into_iter().flatten().fold(limit, u64::min);
                rustix::process::setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
            }
            // Neither is needed for safety.
            let _ = rustix::process::nice(NICE_VALUE);
            let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJUSTMENT);
            Ok(())
        }
    }

    /// Allows the listed system calls alone, for this thread and those that it starts.
    pub(super) fn filter() -> Result<(), seccompiler::Error> {
        seccompiler::apply_filter(&program()?)
    }

    fn program() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
            ALLOWED_CALLS.iter().map(|call| (*call, Vec::new())).collect();
        // Threads, but no processes. `clone3` fails as unknown, because a filter cannot see its flags.
        let thread = libc::CLONE_THREAD as u64;
        let is_thread = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), thread)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![is_thread])?]);
        // Names of threads and of memory alone: PR_SET_NAME and PR_SET_VMA.
        let option = |option: i32| -> Result<SeccompRule, seccompiler::BackendError> {
            let is_option = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, option as u64)?;
            SeccompRule::new(vec![is_option])
        };
        rules.insert(libc::SYS_prctl, vec![option(libc::PR_SET_NAME)?, option(libc::PR_SET_VMA)?]);
        SeccompFilter::new(
            rules,
            SeccompAction::Errno(libc::ENOSYS as u32),
            SeccompAction::Allow,
            std::env::consts::ARCH.try_into()?,
        )?
        .try_into()
    }
}

impl Confinement {
    /// Sets the limits of this process.
    ///
    /// # Errors
    /// If a limit cannot be set, or the process that started this one is gone.
    #[cfg(target_os = "linux")]
    pub(super) fn limit_resources(&self) -> io::Result<()> {
        self.limit()
    }

    /// Elsewhere only the process that started this one limits it, by its timeout.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn limit_resources(&self) -> io::Result<()> {
        Ok(())
    }

    /// Takes away all system calls but those that compiling needs, if the kernel can do that. The limits hold without it.
    pub(super) fn filter_system_calls(&self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = linux::filter() {
            eprintln!("the compiler runs without a filter of system calls: {error}");
        }
    }
}

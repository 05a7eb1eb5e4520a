//! The processor time of processes, as Linux counts it.

use std::fs;

use crate::Outcome;

/// The ticks of a second in which Linux tells a process's time.
const TICKS: f64 = 100.0;
/// Fields behind a process's name in its `stat`: its parent, and the first of its times in ticks.
const PARENT: usize = 1;
const TIMES: usize = 11;
/// Its own times, in user and in system mode. Behind them are the same of the children that it has waited for.
const OWN_TIMES: usize = 2;

/// Returns the seconds of processor time that a process has used.
pub(crate) fn of_process(process: u32) -> Outcome<f64> {
    seconds(&fs::read_to_string(format!("/proc/{process}/stat"))?, OWN_TIMES)
}

/// Returns the seconds of processor time that a process and its children have used, those that have ended included.
pub(crate) fn of_family(process: u32) -> Outcome<f64> {
    let mut sum = 0.0;
    for entry in fs::read_dir("/proc")? {
        // Most entries are no processes, and a process may have ended.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
        let parent = fields(&stat).and_then(|mut fields| fields.nth(PARENT)?.parse().ok());
        let id = stat.split_whitespace().next().and_then(|id| id.parse().ok());
        if id == Some(process) || parent == Some(process) {
            sum += seconds(&stat, 2 * OWN_TIMES)?;
        }
    }
    Ok(sum)
}

fn seconds(stat: &str, times: usize) -> Outcome<f64> {
    let fields = fields(stat).ok_or("no name in a process's stat")?;
    let ticks: f64 = fields.skip(TIMES).take(times).map(|ticks| ticks.parse::<f64>().unwrap_or_default()).sum();
    Ok(ticks / TICKS)
}

/// Returns the fields behind the name, which may have blanks.
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

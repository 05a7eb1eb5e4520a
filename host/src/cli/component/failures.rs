//! How a component failed, by contact, for the author of the component.

use bulkhead::jobs::ItemFailure;

/// Ways of failing that are shown whole. Of the others, the first line is shown.
const MAX_SHOWN_WHOLE: usize = 8;
/// Contacts that are listed for one way of failing.
const MAX_LISTED: usize = 20;

/// Returns a text for each way in which a component failed: the contacts, what matters most, and then the details. There are at
/// most as many as a job can have failures.
pub(super) fn described(failures: &[ItemFailure]) -> Vec<String> {
    let mut ways: Vec<(&ItemFailure, Vec<u32>)> = Vec::new();
    for failure in failures {
        match ways.iter_mut().find(|(way, _)| (way.failure, &way.detail) == (failure.failure, &failure.detail)) {
            Some((_, contacts)) => contacts.push(failure.index),
            None => ways.push((failure, vec![failure.index])),
        }
    }
    ways.iter()
        .enumerate()
        .map(|(place, (way, contacts))| {
            let detail = way.detail.trim();
            let detail = if detail.is_empty() { way.failure.message() } else { detail };
            let (first, rest) = detail.split_once('\n').unwrap_or((detail, ""));
            let head = format!("{}: the component failed ({}): {first}", listed(contacts), way.failure.as_str());
            if place < MAX_SHOWN_WHOLE && !rest.is_empty() { format!("{head}\n{rest}") } else { head }
        })
        .collect()
}

/// Returns contacts by their places, as in `contacts 1, 2 and 7`.
pub(super) fn listed(contacts: &[u32]) -> String {
    let shown = contacts.len().min(MAX_LISTED);
    let mut names: Vec<String> = contacts.iter().take(shown).map(u32::to_string).collect();
    if contacts.len() > shown {
        names.push(format!("{} more", contacts.len() - shown));
    }
    match names.as_slice() {
        [] => String::from("no contact"),
        [one] => format!("contact {one}"),
        [most @ .., last] => format!("contacts {} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use bulkhead::jobs::ItemFailure;
    use bulkhead::sandbox::GuestFailure::{self, TimedOut, Trapped};

    use super::{described, listed};

    fn failure(index: u32, failure: GuestFailure, detail: &str) -> ItemFailure {
        ItemFailure { index, failure, detail: detail.to_owned() }
    }

    #[test]
    fn each_failed_contact_is_named_once() {
        let shown = described(&[
            failure(0, Trapped, "bad day\n  frame"),
            failure(2, Trapped, "worse day"),
            failure(5, Trapped, "bad day\n  frame"),
            failure(6, TimedOut, ""),
        ]);
        assert_eq!(shown[0], "contacts 0 and 5: the component failed (trapped): bad day\n  frame");
        assert_eq!(shown[1], "contact 2: the component failed (trapped): worse day");
        assert!(shown[2].starts_with("contact 6: the component failed (timed out): The component"), "{}", shown[2]);
        assert_eq!(shown.len(), 3);
    }

    #[test]
    fn many_ways_and_many_contacts_are_cut() {
        let many: Vec<_> = (0..100).map(|index| failure(index, Trapped, &format!("day {index}\n  frame"))).collect();
        let shown = described(&many);
        assert_eq!(shown.len(), 100);
        assert_eq!(shown.iter().filter(|text| text.contains("frame")).count(), 8);
        assert_eq!(listed(&(1..=25).collect::<Vec<_>>()).split(", ").count(), 20);
        assert!(listed(&(1..=25).collect::<Vec<_>>()).ends_with(", 20 and 5 more"));
    }
}

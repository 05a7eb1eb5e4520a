//! `bulkhead sample`: generates contacts, instead of a large file of them.

mod people;
mod places;

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use bulkhead::plain_words::io_error;
use clap::Args;
use rand::seq::IndexedRandom as _;
use rand::{Rng, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};

use people::Person;
use places::PLACES;

use super::output::print_error;

/// The number of valid contacts in a thousand that repeat an earlier e-mail address, and so update a contact.
const REPEATS_PER_MILLE: u32 = 30;
/// E-mail addresses that are kept to be repeated, which bounds the memory for a sample of any size.
const MAX_REMEMBERED_EMAILS: usize = 1_024;

/// Arguments of `bulkhead sample`.
#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Number of contacts.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    count: u64,
    /// Seed of the random numbers; the same seed gives the same contacts.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Percentage of contacts with a fault that the server should find.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    bad: u8,
}

/// Writes a JSON list with one contact per line to standard output.
pub(crate) fn run(args: SampleArgs) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    match write_list(&mut out, &args).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has closed standard output, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            print_error(format_args!("the sample cannot be written: {}. Is the disk full?", io_error(&error)));
            ExitCode::from(2)
        }
    }
}

fn write_list(out: &mut impl Write, args: &SampleArgs) -> io::Result<()> {
    let mut sample = Sample { rng: ChaCha8Rng::seed_from_u64(args.seed), bad: args.bad, emails: Vec::new() };
    out.write_all(b"[")?;
    for index in 0..args.count {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &sample.item(index))?;
    }
    out.write_all(if args.count == 0 { b"]\n" } else { b"\n]\n" })
}

/// A contact as it is sent.
#[derive(Debug, Serialize)]
struct Contact {
    firstname: String,
    lastname: String,
    email: String,
    company: String,
    city: &'static str,
    country: &'static str,
    phone: String,
    points: Value,
    preferred_locale: &'static str,
    timezone: &'static str,
}

/// An item of the list: a contact, or another JSON value.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Item {
    Contact(Box<Contact>),
    Other(Value),
}

/// A fault of a contact.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Email,
    Points,
    Country,
    TooLong,
    NoObject,
}

const FAULTS: [Fault; 5] = [Fault::Email, Fault::Points, Fault::Country, Fault::TooLong, Fault::NoObject];

struct Sample {
    rng: ChaCha8Rng,
    bad: u8,
    emails: Vec<String>,
}

impl Sample {
    fn item(&mut self, index: u64) -> Item {
        let contact = self.contact(index);
        if self.rng.random_range(0..100) < self.bad {
            let fault = FAULTS.choose(&mut self.rng).copied().unwrap_or(Fault::Email);
            return faulty(contact, fault);
        }
        Item::Contact(Box::new(self.repeating(contact)))
    }

    fn contact(&mut self, index: u64) -> Contact {
        let rng = &mut self.rng;
        let place = PLACES.choose(rng).unwrap_or(&places::ANYWHERE);
        let person = Person::new(place.names, rng);
        Contact {
            email: person.email(index, rng),
            phone: digits(place.phone, rng),
            points: rng.random_range(0..1_000).into(),
            firstname: person.first,
            lastname: person.last,
            company: person.company,
            city: place.city,
            country: place.country,
            preferred_locale: place.locale,
            timezone: place.timezone,
        }
    }

    /// Gives some contacts the e-mail address of an earlier contact.
    fn repeating(&mut self, mut contact: Contact) -> Contact {
        let repeated = self.rng.random_range(0..1_000) < REPEATS_PER_MILLE;
        match self.emails.choose(&mut self.rng).filter(|_| repeated) {
            Some(earlier) => contact.email.clone_from(earlier),
            None if self.emails.len() < MAX_REMEMBERED_EMAILS => self.emails.push(contact.email.clone()),
            None => {
                let place = self.rng.random_range(0..self.emails.len());
                if let Some(remembered) = self.emails.get_mut(place) {
                    remembered.clone_from(&contact.email);
                }
            }
        }
        contact
    }
}

fn faulty(mut contact: Contact, fault: Fault) -> Item {
    match fault {
        Fault::Email => contact.email = "not-an-email".to_owned(),
        Fault::Points => contact.points = json!("many"),
        Fault::Country => contact.country = "Atlantis",
        Fault::TooLong => contact.company = format!("{} and Sons", contact.company).repeat(6),
        Fault::NoObject => return Item::Other(json!(contact.email)),
    }
    Item::Contact(Box::new(contact))
}

/// Replaces each `#` of a pattern by a random digit.
fn digits(pattern: &str, rng: &mut impl Rng) -> String {
    let mut digit = |mark| if mark == '#' { char::from(b'0' + rng.random_range(0..10)) } else { mark };
    pattern.chars().map(&mut digit).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::{SampleArgs, write_list};

    fn text(count: u64, seed: u64, bad: u8) -> String {
        let mut out = Vec::new();
        write_list(&mut out, &SampleArgs { count, seed, bad }).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn items(count: u64, seed: u64, bad: u8) -> Vec<Value> {
        serde_json::from_str(&text(count, seed, bad)).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_contacts() {
        assert_eq!(text(500, 7, 5), text(500, 7, 5));
        assert_ne!(text(500, 7, 5), text(500, 8, 5));
        assert!(text(500, 7, 5).starts_with(text(200, 7, 5).trim_end_matches("\n]\n")));
    }

    #[test]
    fn each_line_has_one_contact() {
        assert_eq!(text(0, 1, 5), "[]\n");
        assert_eq!(text(100, 1, 5).lines().count(), 102);
        assert_eq!(items(100, 1, 5).len(), 100);
    }

    #[test]
    fn valid_contacts_fit_the_limits_and_some_repeat_an_email() {
        let items = items(20_000, 3, 0);
        let mut emails = HashSet::new();
        let mut repeats = 0;
        for item in &items {
            for (field, value) in item.as_object().unwrap() {
                let Some(text) = value.as_str() else { continue };
                assert!((1..=64).contains(&text.chars().count()), "{field}: {text}");
                assert!(!text.contains(['<', '>']), "{field}: {text}");
            }
            let email = item["email"].as_str().unwrap();
            assert!(email.is_ascii() && email.bytes().filter(|byte| *byte == b'@').count() == 1, "{email}");
            repeats += usize::from(!emails.insert(email.to_owned()));
        }
        assert!((400..800).contains(&repeats), "{repeats}");
    }

    #[test]
    fn every_fault_occurs() {
        let items = items(2_000, 1, 50);
        let with = |test: &dyn Fn(&Value) -> bool| items.iter().filter(|item| test(item)).count();
        for (fault, count) in [
            ("email", with(&|item| item["email"] == "not-an-email")),
            ("points", with(&|item| item["points"] == "many")),
            ("country", with(&|item| item["country"] == "Atlantis")),
            ("length", with(&|item| item["company"].as_str().is_some_and(|text| text.chars().count() > 64))),
            ("object", with(&|item| !item.is_object())),
        ] {
            assert!((150..250).contains(&count), "{fault}: {count}");
        }
    }
}

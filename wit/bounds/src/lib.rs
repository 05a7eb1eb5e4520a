//! The bounds that the contract sets (`wit/1.0.0/contacts.wit`, and the draft of 1.1.0). The host and the fuzz targets check the
//! replies of components by them. A test compares each bound with the sentence of the contract that states it.

macro_rules! bounds {
    ($promises:ident: $($(#[doc = $doc:literal])* $name:ident = $value:expr, $promise:literal;)*) => {
        $(
            $(#[doc = $doc])*
            ///
            #[doc = concat!("The contract says: \"", $promise, "\"")]
            pub const $name: usize = $value;
        )*

        #[cfg(test)]
        const $promises: &[(usize, &str)] = &[$(($name, $promise)),*];
    };
}

bounds! { PROMISES:
    /// Items in one call of `plan` or `check`.
    MAX_ITEMS_PER_CALL = 1_000, "the next 1 to 1,000 items";
    /// Contacts in one call of `present`.
    MAX_CONTACTS_PER_CALL = 1_000, "Called with 1 to 1,000 contacts.";
    /// Keys that `plan` returns for one item.
    MAX_KEYS_PER_ITEM = 64, "At most 64 keys an item.";
    /// Keys of one written contact.
    MAX_KEYS_PER_CONTACT = 32, "at most one for each field and 32 in all";
    /// Bytes of a key's value.
    MAX_KEY_BYTES = 1_024, "two values that mean the same are the same text. At most 1,024 bytes.";
    /// Bytes of a written document.
    MAX_DOCUMENT_BYTES = 256 << 10, "a JSON object of at most 256 KiB";
    /// Bytes of the search words of a written contact.
    MAX_WORDS_BYTES = 1 << 10, "such as its name, address and town. At most 1 KiB";
    /// Bytes of the sort key of a written contact.
    MAX_SORT_BYTES = 64, "by byte; at most 64 bytes";
    /// Bytes of a rejection's message.
    MAX_MESSAGE_BYTES = 16 << 10, "For people: at most 16 KiB.";
    /// Fields in a rejection's details.
    MAX_DETAILS = 256, "at most 256 fields";
    /// Bytes of all names and texts in a rejection's details.
    MAX_DETAILS_BYTES = 64 << 10, "and 64 KiB of text in all";
    /// Bytes of one contact as `present` returns it.
    MAX_PRESENTED_BYTES = 1 << 20, "in order, of at most 1 MiB";
    /// Objections to one item. The limits of a tenant can change it.
    MAX_OBJECTIONS_PER_ITEM = 16, "At most 16 an item.";
    /// Bytes of an objection's message. The limits of a tenant can change it.
    MAX_OBJECTION_BYTES = 1_000, "One sentence for the client, at most 1,000 bytes.";
}

bounds! { DRAFT_PROMISES:
    /// Warnings about one item.
    MAX_WARNINGS_PER_ITEM = 32, "At most 32 warnings";
    /// Bytes of all aliases and codes of the warnings about one item.
    MAX_WARNINGS_BYTES = 4 << 10, "with 4 KiB of text in all";
    /// Names of ignored members of one item.
    MAX_IGNORED_NAMES = 100, "at most 100 names";
    /// Bytes of the name of an ignored member.
    MAX_IGNORED_NAME_BYTES = 100, "cut to 100 bytes";
    /// Bytes of a code.
    MAX_CODE_BYTES = 64, "1 to 64 lower-case letters";
}

/// Bytes of a field's alias in a key or an objection. The contract names no bound; the host refuses longer ones.
pub const MAX_ALIAS_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::{DRAFT_PROMISES, PROMISES};

    const RELEASED: &str = include_str!("../../1.0.0/contacts.wit");
    const DRAFT: &str = include_str!("../../drafts/1.1.0/contacts.wit");

    /// Returns a contract's text without the marks of comments and with one space between words.
    fn words_of(text: &str) -> String {
        text.split_whitespace().filter(|word| *word != "///").collect::<Vec<_>>().join(" ")
    }

    /// The numbers in a sentence, in bytes where they are followed by a unit of bytes.
    fn numbers(sentence: &str) -> Vec<usize> {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        let unit = |place: usize| match words.get(place + 1).map(|word| word.trim_end_matches(['.', ';'])) {
            Some("KiB") => 1 << 10,
            Some("MiB") => 1 << 20,
            _ => 1,
        };
        let number = |(place, word): (usize, &&str)| Some(word.replace(',', "").parse::<usize>().ok()? * unit(place));
        words.iter().enumerate().filter_map(number).collect()
    }

    #[test]
    fn the_contract_states_every_bound() {
        let [released, draft] = [RELEASED, DRAFT].map(words_of);
        for (contract, promises) in [(released, PROMISES), (draft, DRAFT_PROMISES)] {
            for (bound, promise) in promises {
                assert!(contract.contains(promise), "not in the contract: {promise}");
                assert_eq!(numbers(promise).last(), Some(bound), "{promise}");
            }
        }
    }
}

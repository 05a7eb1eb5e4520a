//! Parses the tokens of a search. `AND`, which may be left out, binds closer than `OR`, and *not* closest.

use super::lexer::Token;
use super::{MAX_DEPTH, MAX_IDS, MAX_TERMS, MAX_WORDS, Search, SearchError, words};

/// Parses tokens, of which there is one at least.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Search, SearchError> {
    check_size(&tokens)?;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let search = parser.alternatives()?;
    match parser.tokens.next() {
        None => Ok(search),
        Some(_) => Err(SearchError::Unbalanced("a ')'")),
    }
}

fn check_size(tokens: &[Token]) -> Result<(), SearchError> {
    let (mut terms, mut word_count, mut ids) = (0, 0, 0);
    for token in tokens {
        let Token::Term(term) = token else { continue };
        terms += 1;
        match term {
            Search::Words(text) => word_count += words(text).count(),
            Search::Ids(list) => ids += list.len(),
            _ => {}
        }
    }
    if terms > MAX_TERMS {
        Err(SearchError::TooManyTerms)
    } else if word_count > MAX_WORDS {
        Err(SearchError::TooManyWords)
    } else if ids > MAX_IDS {
        Err(SearchError::TooManyIds)
    } else {
        Ok(())
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// Parentheses that are open.
    depth: usize,
}

impl Parser {
    fn alternatives(&mut self) -> Result<Search, SearchError> {
        let mut parts = vec![self.conjunction()?];
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            parts.push(self.conjunction()?);
        }
        Ok(only_or(parts, Search::Or))
    }

    fn conjunction(&mut self) -> Result<Search, SearchError> {
        let mut parts = vec![self.part()?];
        loop {
            match self.tokens.peek() {
                Some(Token::And) => {
                    self.tokens.next();
                    parts.push(self.part()?);
                }
                Some(Token::Open | Token::Not | Token::Term(_)) => parts.push(self.part()?),
                Some(Token::Close | Token::Or) | None => return Ok(only_or(parts, Search::And)),
            }
        }
    }

    fn part(&mut self) -> Result<Search, SearchError> {
        let mut is_negated = false;
        while self.tokens.next_if_eq(&Token::Not).is_some() {
            is_negated = !is_negated;
        }
        let part = match self.tokens.next() {
            Some(Token::Term(term)) => term,
            Some(Token::Open) => self.group()?,
            Some(Token::And | Token::Or) => return Err(SearchError::NoTerm("before an operator")),
            Some(Token::Close) => return Err(SearchError::NoTerm("before a ')'")),
            Some(Token::Not) | None => return Err(SearchError::NoTerm("at its end")),
        };
        Ok(match part {
            Search::Not(inner) if is_negated => *inner,
            part if is_negated => Search::Not(Box::new(part)),
            part => part,
        })
    }

    fn group(&mut self) -> Result<Search, SearchError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SearchError::TooDeep);
        }
        let search = self.alternatives()?;
        self.depth -= 1;
        match self.tokens.next() {
            Some(Token::Close) => Ok(search),
            _ => Err(SearchError::Unbalanced("a '('")),
        }
    }
}

/// Returns the only part, or all parts joined.
fn only_or(mut parts: Vec<Search>, join: fn(Vec<Search>) -> Search) -> Search {
    match parts.pop() {
        Some(part) if parts.is_empty() => part,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::{Comparison, ContactId, FieldTerm, Search, SearchError};

    fn words(text: &str) -> Search {
        Search::Words(text.to_owned())
    }

    fn not(part: Search) -> Search {
        Search::Not(Box::new(part))
    }

    fn field(alias: &str, value: &str, comparison: Comparison) -> Search {
        Search::Field(FieldTerm { alias: alias.to_owned(), value: value.to_owned(), comparison })
    }

    #[test]
    fn searches_are_read_by_the_grammar() {
        use Comparison::{Beginning, Exact, ExactOrBeginning};
        use Search::{And, Anonymous, Ids, Or};
        let ids = |ids: &[u64]| Ids(ids.iter().copied().map(ContactId).collect());
        for (text, expected) in [
            ("ada", words("ada")),
            (" Ada  Love ", And(vec![words("Ada"), words("Love")])),
            ("ada AND love", And(vec![words("ada"), words("love")])),
            ("ada and or", And(vec![words("ada"), words("and"), words("or")])),
            ("a OR b c", Or(vec![words("a"), And(vec![words("b"), words("c")])])),
            ("(a OR b)c", And(vec![Or(vec![words("a"), words("b")]), words("c")])),
            ("-ada", not(words("ada"))),
            ("!ada", not(words("ada"))),
            ("!!ada", words("ada")),
            ("-(a OR -b)", not(Or(vec![words("a"), not(words("b"))]))),
            ("\"ada love\" x", And(vec![words("ada love"), words("x")])),
            ("-\"ada love\"", not(words("ada love"))),
            ("\"AND\"", words("AND")),
            ("anna-maria o'neil", And(vec![words("anna-maria"), words("o'neil")])),
            ("ada* lov%", And(vec![words("ada"), words("lov")])),
            ("ids:1,2", ids(&[1, 2])),
            ("ids:1,2, 3,,4 x", And(vec![ids(&[1, 2, 3, 4]), words("x")])),
            ("ids:1, x", And(vec![ids(&[1]), words("x")])),
            ("is:anonymous", Anonymous),
            ("!is:anonymous", not(Anonymous)),
            ("email:a@b.co", field("email", "a@b.co", ExactOrBeginning)),
            ("email:+a@b.co", field("email", "a@b.co", Exact)),
            ("email:\"a b@c\"", field("email", "a b@c", ExactOrBeginning)),
            ("o\"neil\"", And(vec![words("o"), words("neil")])),
            ("email:+\"a b\"x", And(vec![field("email", "a b", Exact), words("x")])),
            ("email:ada%", field("email", "ada", Beginning)),
            ("email:ada*", field("email", "ada", Beginning)),
            ("email:o'neil+x@c.d", field("email", "o'neil+x@c.d", ExactOrBeginning)),
            ("segment:x", field("segment", "x", ExactOrBeginning)),
            ("no:1:2", field("no", "1:2", ExactOrBeginning)),
        ] {
            assert_eq!(Search::parse(text), Ok(Some(expected)), "{text}");
        }
        for blank in ["", "  ", "\t\n"] {
            assert_eq!(Search::parse(blank), Ok(None));
        }
    }

    #[test]
    fn what_cannot_be_answered_is_refused_and_named() {
        for (text, part) in [
            ("email:", "'email:'"),
            ("email:%", "'email:%' cannot be searched for. Before '%'"),
            ("email:*", "'email:*' cannot be searched for. Before '%'"),
            ("\"100%\"", "'100%' cannot be searched for. In quotation marks"),
            ("ada \"lov* x\"", "'lov* x' cannot be searched for. In quotation marks"),
            ("a%b", "'a%b' cannot be searched for. A word's beginning"),
            ("email:%a", "'email:%a'"),
            ("email:a%b", "'email:a%b'"),
            ("email:+", "'email:+'"),
            ("email:\"\"", "'email:\"\"'"),
            ("x %ada y", "'%ada'"),
            ("*ada", "'*ada'"),
            ("a*a", "'a*a'"),
            ("***", "'***'"),
            ("ada --", "'-'"),
            ("- ada", "'-'"),
            ("(ada !)", "'!'"),
            ("+ada", "'+ada'"),
            ("\"\"", "''"),
            ("NOT ada", "'NOT'"),
            ("is:x", "'is:x'"),
            ("ids:x", "'ids:x'"),
            ("ids:", "'ids:'"),
            ("ids:1;2", "'ids:1;2'"),
            (":x", "':x'"),
            ("a.b:x", "'a.b:x'"),
            ("AND", "no term before an operator"),
            ("a OR", "no term at its end"),
            ("a AND OR b", "no term before an operator"),
            ("a -", "'-'"),
            ("()", "no term before a ')'"),
            ("a (", "no term at its end"),
            ("(a", "a '('"),
            ("a)", "a ')'"),
            ("\"a", "quotation mark"),
            ("email:\"a", "quotation mark"),
        ] {
            let message = Search::parse(text).map_err(|error| error.to_string()).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert_eq!(Search::parse(&"a ".repeat(33)), Err(SearchError::TooManyTerms));
        assert_eq!(Search::parse(&"a-a-a ".repeat(11)), Err(SearchError::TooManyWords));
        assert_eq!(Search::parse(&format!("ids:{}", "1,".repeat(1_001))), Err(SearchError::TooManyIds));
        assert_eq!(Search::parse(&"x".repeat(30_000)), Err(SearchError::TooLong));
        assert_eq!(Search::parse(&format!("{}a{}", "(".repeat(17), ")".repeat(17))), Err(SearchError::TooDeep));
        assert_eq!(Search::parse(&"(".repeat(24_000)), Err(SearchError::TooDeep));
        assert!(Search::parse(&format!("{}a", "-".repeat(24_000))).is_ok());
        let long = Search::parse(&format!("+{}", "é".repeat(500))).unwrap_err().to_string();
        assert!(long.chars().count() < 250, "{long}");
    }

    fn searches() -> impl Strategy<Value = Search> {
        let text = "[A-Za-zÀ-ž0-9@.,:()'!+-]{0,6}[a-zé0-9][A-Z @:()'-]{0,3}";
        let value = "[a-zé0-9@.:()'!-][a-z0-9 @.:()'+-]{0,6}[a-z0-9]";
        let comparison =
            prop_oneof![Just(Comparison::Exact), Just(Comparison::Beginning), Just(Comparison::ExactOrBeginning)];
        let leaf = prop_oneof![
            text.prop_map(|text| words(text.trim())),
            prop::collection::vec(any::<u64>().prop_map(ContactId), 1..4).prop_map(Search::Ids),
            Just(Search::Anonymous),
            ("[a-z_]{1,5}x", value, comparison)
                .prop_map(|(alias, value, comparison)| field(&alias, &value, comparison)),
        ];
        leaf.prop_recursive(4, 6, 3, |inner| {
            let flat = |parts: Vec<Search>, is_and: bool| {
                if parts.len() == 1 {
                    return parts.into_iter().next().unwrap();
                }
                if is_and { Search::And(parts) } else { Search::Or(parts) }
            };
            prop_oneof![
                (prop::collection::vec(inner.clone(), 1..4), any::<bool>())
                    .prop_map(move |(parts, is_and)| flat(parts, is_and)),
                inner.prop_map(|part| if let Search::Not(inner) = part { *inner } else { not(part) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_search_that_is_written_reads_as_itself(search in searches()) {
            let read = Search::parse(&search.to_string());
            if !matches!(read, Err(SearchError::TooManyTerms | SearchError::TooManyWords)) {
                prop_assert_eq!(read, Ok(Some(search)));
            }
        }

        #[test]
        fn no_text_is_too_much_for_the_parser(text in "[()!\" a-cANDOR:%*+,1-]{0,60}|\\PC{0,40}") {
            if let Ok(Some(search)) = Search::parse(&text) {
                // What was read is all that was written: written again, it means the same.
                prop_assert_eq!(Search::parse(&search.to_string()), Ok(Some(search)));
            }
        }
    }
}

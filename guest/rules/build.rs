//! Makes the lists of names of the files in `src/kinds/data`: the hashes of their keys, in order.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

#[allow(dead_code, reason = "a part of it is used here")]
#[path = "src/hashing.rs"]
mod hashing;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "src/kinds/place_name.rs"]
mod place_name;
#[path = "build/spellings.rs"]
mod spellings;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "src/unicode.rs"]
mod unicode;

use hashing::name_hash;
use place_name::{country_key, region_key, region_key_without_ending};

/// Returns the keys under which a line of a file is known.
type KeysOf = fn(&str) -> Vec<String>;

const LISTS: [(&str, &str, KeysOf); 4] = [
    ("COUNTRIES", "countries.txt", |name| {
        let keys = spellings::of_country(name).into_iter().map(|name| country_key(&name));
        keys.chain([name.to_owned()]).collect()
    }),
    ("REGIONS", "regions.txt", |name| {
        let keys = |name: &String| [Some(region_key(name)), region_key_without_ending(name)];
        spellings::of_region(name).iter().flat_map(keys).flatten().collect()
    }),
    ("LOCALES", "locales.txt", |code| vec![code.to_owned()]),
    ("TIMEZONES", "timezones.txt", |name| vec![name.to_owned()]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut code = String::new();
    for (list, file, keys_of) in LISTS {
        let path = Path::new("src/kinds/data").join(file);
        let text = fs::read_to_string(&path)?;
        let (_, names) = text.split_once("\n\n").ok_or("a list has no header")?;
        let mut hashes = BTreeMap::new();
        // What is left of a remark such as `Région de l'` is no name.
        for key in names.lines().flat_map(keys_of).filter(|key| key.chars().nth(1).is_some()) {
            match hashes.insert(name_hash(&key), key.clone()) {
                Some(other) if other != key => return Err(format!("{other} and {key} have the same hash").into()),
                _ => {}
            }
        }
        writeln!(code, "pub(super) static {list}: [u64; {}] = {:?};", hashes.len(), hashes.keys().collect::<Vec<_>>())?;
    }
    let folder = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&folder).join("name_hashes.rs"), code)?;
    for part in ["build.rs", "build", "src/hashing.rs", "src/unicode.rs", "src/kinds/place_name.rs", "src/kinds/data"] {
        println!("cargo:rerun-if-changed={part}");
    }
    Ok(())
}

//! Components that are small and valid, but take much memory or time to be read or compiled.

/// Bytes at which a WebAssembly component begins.
const COMPONENT_HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// Bytes at which a WebAssembly module begins.
const MODULE_HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";
/// The section of a component that holds a module.
const MODULE_SECTION: u8 = 1;
/// The section of a component that holds a component.
const COMPONENT_SECTION: u8 = 4;
const TYPE_SECTION: u8 = 1;
const FUNCTION_SECTION: u8 = 3;
const MEMORY_SECTION: u8 = 5;
const CODE_SECTION: u8 = 10;
const I32: u8 = 0x7f;
const END: u8 = 0x0b;
/// The type of a function that takes a number and returns one.
const ONE_TYPE: [u8; 6] = [1, 0x60, 1, I32, 1, I32];

/// Returns the name and the bytes of each bomb. `good` is a valid component, to which most bombs add a module.
pub(crate) fn files(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let with = |module: Vec<u8>| [good, &section(MODULE_SECTION, &module)].concat();
    vec![
        // 990,000 functions that do nothing.
        ("bomb-functions", with(many_functions(990_000))),
        // 40,000 functions that do nothing, which need some 300 MiB to be compiled.
        ("many-functions", with(many_functions(40_000))),
        // One function that holds a million values at a time.
        ("bomb-function", with(wide_function(1_000_000))),
        // 900,000 types of functions.
        ("bomb-types", with(many_types(900_000))),
        // 100,000 components, each within the one before.
        ("bomb-nesting", nested(100_000)),
        // 80 functions with long names, 8 MB together.
        ("bomb-names", with(long_names(80, 100_000))),
    ]
}

fn many_functions(count: usize) -> Vec<u8> {
    let types = section(TYPE_SECTION, &[1, 0x60, 0, 0]);
    let functions = section(FUNCTION_SECTION, &[number(count), vec![0; count]].concat());
    let code = section(CODE_SECTION, &[number(count), [2, 0, END].repeat(count)].concat());
    [&MODULE_HEADER[..], &types, &functions, &code].concat()
}

fn wide_function(count: usize) -> Vec<u8> {
    let (types, functions) = (section(TYPE_SECTION, &ONE_TYPE), section(FUNCTION_SECTION, &[1, 0]));
    let memory = section(MEMORY_SECTION, &[1, 0, 1]);
    // i32.load of the parameter, and later i32.add of what was loaded.
    let body = [&[0][..], &[0x20, 0, 0x28, 2, 0].repeat(count), &[0x6a].repeat(count - 1), &[END]].concat();
    let code = section(CODE_SECTION, &[vec![1], number(body.len()), body].concat());
    [&MODULE_HEADER[..], &types, &functions, &memory, &code].concat()
}

fn many_types(count: usize) -> Vec<u8> {
    let mut types = number(count);
    for number in 0..count {
        // The parameters spell the number in four letters: i32, i64, f32, f64.
        let parameters: Vec<u8> = (0..10).map(|digit| I32 - (number >> (2 * digit) & 3) as u8).collect();
        types.extend([&[0x60, 10][..], &parameters, &[0]].concat());
    }
    [&MODULE_HEADER[..], &section(TYPE_SECTION, &types)].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    // From the innermost outwards, backwards, so that nothing is copied for each level.
    let mut reversed: Vec<u8> = COMPONENT_HEADER.iter().rev().copied().collect();
    for _ in 0..depth {
        let size = number(reversed.len());
        reversed.extend(size.iter().rev());
        reversed.push(COMPONENT_SECTION);
        reversed.extend(COMPONENT_HEADER.iter().rev());
    }
    reversed.reverse();
    reversed
}

fn long_names(count: usize, bytes: usize) -> Vec<u8> {
    let module = many_functions(count);
    let mut names = number(count);
    for function in 0..count {
        names.extend(number(function));
        names.extend(number(bytes));
        names.extend(vec![b'n'; bytes]);
    }
    let functions = [&[1][..], &number(names.len()), &names].concat();
    let section_name = [&[4][..], b"name", &functions].concat();
    [module, section(0, &section_name)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &number(content.len()), content].concat()
}

/// Returns a number in LEB128.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

//! Lists the starter bank in `fragments/` so that it can be built into the library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("fragments");
    let mut code = String::from("&[\n");
    for folder in ["good", "bad"] {
        let path = root.join(folder);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut files = fs::read_dir(&path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "mid"));
        files.sort();
        for file in files {
            let name = format!("{folder}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            let _ = writeln!(code, "    ({name:?}, include_bytes!({file:?})),");
        }
    }
    code.push(']');
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(Path::new(&out).join("starter.rs"), code)
}

//! The two ids that KOReader may give to a file, which tell why two devices do not match.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use md5::{Digest as _, Md5};

use super::super::Failure;
use super::super::print::say;

/// Bytes that are read at each place.
const SAMPLE_BYTES: u64 = 1024;
/// The first place is 0; the others are powers of 4 from here on.
const FIRST: u64 = 1024;
const LAST: u64 = 1 << 30;

pub(super) fn print(file: &Path) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    say(format!("{}  by content", by_content(file).map_err(wrong)?))?;
    let name = file.file_name().unwrap_or_default();
    let name = name.to_str().ok_or_else(|| Failure::usage("the file's name is not UTF-8"))?;
    say(format!("{}  by name", hex::encode(Md5::digest(name))))
}

/// Samples of the file, up to its end; the last one is as short as it is.
fn by_content(file: &Path) -> std::io::Result<String> {
    let (mut hash, mut file) = (Md5::new(), File::open(file)?);
    let places = std::iter::successors(Some(FIRST), |place| place.checked_mul(4));
    for place in std::iter::once(0).chain(places.take_while(|place| *place <= LAST)) {
        let mut sample = Vec::new();
        file.seek(SeekFrom::Start(place))?;
        if (&mut file).take(SAMPLE_BYTES).read_to_end(&mut sample)? == 0 {
            break;
        }
        hash.update(&sample);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_those_of_koreader() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("book");
        for (length, digest) in [
            (500_u32, "21f0df72cce9bc7da8dae2512ee5feed"),
            (1024, "f4cd1641040a17288bb6104d9e66bdb5"),
            (1025, "170a888db01c00d8fc3e5d8d84de5838"),
            (2048, "d0e59a0c7b893c3b8d6a9bddbd64e631"),
            (3000, "d0e59a0c7b893c3b8d6a9bddbd64e631"),
            (200_000, "1784b150454ef4cf6780ceb94af0386f"),
            (1_050_000, "0fca5c751677ecbc2dcfe80ea75ace32"),
        ] {
            let byte = |at: u32| u8::try_from((at * 31 + (at >> 8)) % 256).unwrap();
            std::fs::write(&file, (0..length).map(byte).collect::<Vec<u8>>()).unwrap();
            assert_eq!(by_content(&file).unwrap(), digest, "{length}");
        }
    }
}

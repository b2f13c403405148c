//! Files: whole ones read back, and every other one is refused where it stops being whole.

use std::io::Cursor;

use super::*;

const SPEC: &str = "name = \"said\"\n";

fn blocks() -> Vec<Block> {
    let mut dice = Dice::new(11);
    let mut yard = Yard::new(2);
    let mut cold = open(Arc::default());
    yard.extend(&mut dice, &mut cold, 12);
    branch(&cold)
}

/// The file, and where in it each block's record ends; the first number is the end of the beginning.
fn write(blocks: &[Block]) -> (Vec<u8>, Vec<usize>) {
    let mut writer =
        ArchiveWriter::begin(Cursor::new(Vec::new()), SPEC, blocks[0].header.height).unwrap();
    let mut ends = Vec::new();
    let mut offset = 8 + 4 + 8 + 4 + SPEC.len() + 32;
    ends.push(offset);
    for block in blocks {
        writer.add(block).unwrap();
        offset += 4 + crate::types::encode(block).len() + 32;
        ends.push(offset);
    }
    let (file, bytes) = writer.end().unwrap();
    assert_eq!(bytes as usize, file.get_ref().len());
    assert_eq!(file.get_ref().len(), offset + 4 + 8 + 32);
    (file.into_inner(), ends)
}

/// What can be read, and how reading ended.
fn read(file: &[u8]) -> Result<(Vec<Block>, Option<ArchiveError>), ArchiveError> {
    let mut reader = ArchiveReader::begin(file)?;
    assert_eq!(reader.spec(), SPEC);
    let mut blocks = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(block)) => blocks.push(block),
            Ok(None) => return Ok((blocks, None)),
            Err(error) => return Ok((blocks, Some(error))),
        }
    }
}

fn height_of(error: &ArchiveError) -> Option<Height> {
    match error {
        ArchiveError::Cut { height }
        | ArchiveError::Unfinished { height }
        | ArchiveError::Damaged { height, .. }
        | ArchiveError::Trailing { height } => Some(*height),
        _ => None,
    }
}

#[test]
fn a_whole_file_gives_its_blocks_back() {
    let blocks = blocks();
    let (file, _) = write(&blocks);
    assert_eq!(read(&file), Ok((blocks.clone(), None)));
    let (part, _) = write(&blocks[4..]);
    let reader = ArchiveReader::begin(&part[..]).unwrap();
    assert_eq!((reader.first(), reader.height()), (Height(5), Height(5)));
    assert_eq!(read(&part), Ok((blocks[4..].to_vec(), None)));
}

#[test]
fn a_writer_goes_back_and_writes_on() {
    let blocks = blocks();
    let mut writer = ArchiveWriter::begin(Cursor::new(Vec::new()), SPEC, Height(1)).unwrap();
    writer.add(&blocks[0]).unwrap();
    let spot = writer.spot().unwrap();
    for block in &blocks[5..] {
        writer.add(block).unwrap();
    }
    writer.back_to(spot).unwrap();
    for block in &blocks[1..3] {
        writer.add(block).unwrap();
    }
    assert_eq!(writer.blocks(), 3);
    let (file, bytes) = writer.end().unwrap();
    let file = &file.get_ref()[..bytes as usize];
    assert_eq!(file, write(&blocks[..3]).0);
}

/// Cut anywhere, a file gives the blocks before the cut and names the height where it stops.
#[test]
fn a_cut_file_is_never_taken_for_a_whole_one() {
    let blocks = blocks();
    let (file, ends) = write(&blocks);
    for length in 0..file.len() {
        let whole = ends.iter().filter(|end| **end <= length).count();
        match read(&file[..length]) {
            Err(error) => assert!(whole == 0, "{length}: {error}"),
            Ok((found, error)) => {
                assert_eq!(found, blocks[..whole - 1], "{length}");
                let error = error.unwrap_or_else(|| panic!("{length} bytes were taken"));
                assert_eq!(height_of(&error), Some(Height(whole as u64)), "{length}: {error}");
                assert!(error.to_string().contains(&format!("height {whole}")), "{error}");
            }
        }
    }
}

/// With any byte altered, a file gives the blocks before it and names the height of the damage.
#[test]
fn an_altered_byte_is_found_at_its_height() {
    let blocks = blocks();
    let (file, ends) = write(&blocks);
    let mut dice = Dice::new(5);
    for at in 0..file.len() {
        let mut altered = file.clone();
        altered[at] ^= 1 + dice.below(255) as u8;
        let whole = ends.iter().filter(|end| **end <= at).count();
        match read(&altered) {
            Err(error) => assert!(whole == 0, "byte {at}: {error}"),
            Ok((found, error)) => {
                assert_eq!(found, blocks[..whole - 1], "byte {at}");
                let error = error.unwrap_or_else(|| panic!("byte {at} may be anything"));
                assert_eq!(height_of(&error), Some(Height(whole as u64)), "byte {at}: {error}");
            }
        }
    }
}

#[test]
fn what_goes_on_after_its_end_or_was_put_together_is_refused() {
    let blocks = blocks();
    let (file, ends) = write(&blocks);
    let longer = [&file[..], b"x"].concat();
    let (found, error) = read(&longer).unwrap();
    let height = Height(blocks.len() as u64);
    assert_eq!((found, error), (blocks.clone(), Some(ArchiveError::Trailing { height })));
    // A block left out, two exchanged, one twice.
    let record = |n: usize| &file[ends[n]..ends[n + 1]];
    let end = &file[ends[blocks.len()]..];
    for (order, good) in [(vec![0, 2, 3], 1), (vec![1, 0, 2], 0), (vec![0, 1, 1, 2], 2)] {
        let records = order.into_iter().flat_map(record).copied();
        let spliced: Vec<u8> =
            file[..ends[0]].iter().copied().chain(records).chain(end.to_vec()).collect();
        let (found, error) = read(&spliced).unwrap();
        assert_eq!(found.len(), good);
        assert_eq!(height_of(&error.unwrap()), Some(Height(good as u64 + 1)));
    }
}

#[test]
fn other_files_and_newer_ones_are_told_apart() {
    let (file, _) = write(&blocks());
    let begin = |bytes: &[u8]| ArchiveReader::begin(bytes).map(drop).unwrap_err();
    for other in [&b""[..], b"assay", b"name = \"pow-dev\"\nsymbol = \"PYR\"\n"] {
        assert_eq!(begin(other), ArchiveError::NoArchive);
    }
    let mut newer = file.clone();
    newer[8] = 9;
    assert_eq!(begin(&newer), ArchiveError::Newer { found: 9 });
    let mut endless = file;
    endless[20..24].fill(0xff);
    assert!(matches!(begin(&endless), ArchiveError::Spec(_)));
}

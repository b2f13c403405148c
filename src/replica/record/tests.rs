use super::file::ENTRY_BYTES_MAX;
use super::stored::STORE_BYTES_MAX;
use super::*;
use crate::replica::Peer;
use crate::store::{Batch, MemStore, Store, Table};
use crate::types::{GenesisId, Hash, Keypair};

fn head() -> Head {
    Head::new(GenesisId(Hash([7; 32])), "a spec".into())
}

fn entries() -> Vec<Entry> {
    let mark = Mark {
        inputs: 3,
        digest: Digest::default(),
        head: BlockId(Hash([1; 32])),
        height: Height(4),
        final_height: Height(2),
        pending: 5,
        peers: 6,
    };
    let stored = Stored { table: 1, key: vec![1, 2], value: vec![3] };
    vec![
        Entry::Start(Start {
            authority: Some(Address::default()),
            payout: None,
            stake: None,
            seed: 4,
            checkpoint: Some((Height(1), BlockId(Hash([2; 32])))),
        }),
        Entry::Stored(vec![stored]),
        Entry::Open { now: Time(1), entries: 1 },
        Entry::Input { now: Time(2), check: 9, input: Input::Connected(Peer(3)) },
        Entry::Input { now: Time(4), check: 10, input: Input::Tick },
        Entry::Mark(mark),
        Entry::Lost("no space".into()),
        Entry::End(mark),
    ]
}

fn written(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = RecordWriter::begin(&mut bytes, &head()).unwrap();
    entries.iter().for_each(|entry| writer.put(&encode(entry)).unwrap());
    bytes
}

/// What can be read, and why no more can.
fn read(bytes: &[u8]) -> (Vec<Entry>, Result<Tail, RecordError>) {
    let mut reader = match RecordReader::begin(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut entries = Vec::new();
    let outcome = loop {
        match reader.next() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => break Ok(reader.tail()),
            Err(error) => break Err(error),
        }
    };
    let end = RecordReader::begin(bytes).and_then(RecordReader::into_end);
    assert_eq!(end, outcome, "the end is found without looking at entries");
    (entries, outcome)
}

#[test]
fn what_was_written_is_read() {
    let bytes = written(&entries());
    let (read, tail) = read(&bytes);
    assert_eq!(read, entries());
    let tail = tail.unwrap();
    assert_eq!((tail.bytes, tail.cut), (bytes.len() as u64, 0));
    assert_eq!(RecordReader::begin(&bytes[..]).unwrap().head(), &head());
}

#[test]
fn an_input_is_written_alike_by_reference_and_by_value() {
    let input = Input::Verified { order: 4, bad: vec![1, 2] };
    let by_reference = encode(&Entry::Input { now: Time(8), check: 5, input: &input });
    assert_eq!(by_reference, encode(&Entry::Input { now: Time(8), check: 5, input }));
}

#[test]
fn a_file_cut_anywhere_is_whole_up_to_there_and_goes_on() {
    let (all, bytes) = (entries(), written(&entries()));
    let begun = written(&[]).len();
    for cut in begun..bytes.len() {
        let (whole, tail) = read(&bytes[..cut]);
        let tail = tail.unwrap();
        assert_eq!(whole, all[..whole.len()], "cut at {cut}");
        assert_eq!(tail.bytes + tail.cut, cut as u64);
        assert_eq!(tail.bytes as usize, written(&whole).len());
        // What a process does that comes after a crash.
        let mut again = bytes[..tail.bytes as usize].to_vec();
        let mut writer = RecordWriter::resume(&mut again, tail);
        all[whole.len()..].iter().for_each(|entry| writer.put(&encode(entry)).unwrap());
        assert_eq!(again, bytes, "cut at {cut}");
    }
    for cut in 0..begun {
        let (_, error) = read(&bytes[..cut]);
        let expected = match cut {
            0..8 => RecordError::NoRecording,
            _ => RecordError::Head("the file ends in it"),
        };
        assert_eq!(error.unwrap_err(), expected, "cut at {cut}");
    }
}

#[test]
fn an_altered_byte_is_found_and_nothing_before_it_is_lost() {
    let (all, bytes) = (entries(), written(&entries()));
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        let (before, outcome) = read(&altered);
        assert!(before.len() < all.len(), "byte {at}");
        assert_eq!(before, all[..before.len()], "byte {at}");
        // A length that became too large looks like a file that ends early; all others are told apart.
        let place = written(&before).len();
        let is_length = (place..place + 4).contains(&at);
        match outcome {
            Err(_) => {}
            Ok(tail) => assert!(is_length && tail.cut > 0, "byte {at}"),
        }
    }
}

#[test]
fn other_formats_and_versions_are_told_apart() {
    let bytes = written(&entries());
    let mut other = bytes.clone();
    other[8] = 9;
    let error = read(&other).1.unwrap_err();
    assert_eq!(error, RecordError::Format { found: 9 });
    let mut foreign = Vec::new();
    let head = Head { version: "0.0.9".into(), ..head() };
    RecordWriter::begin(&mut foreign, &head).unwrap();
    let error = read(&foreign).1.unwrap_err();
    assert_eq!(error, RecordError::Version { given: "0.0.9".into() });
    assert!(error.to_string().contains(env!("CARGO_PKG_VERSION")), "{error}");
    let error = read(b"{\"assay_recording\":1}").1.unwrap_err();
    assert_eq!(error, RecordError::NoRecording);
}

#[test]
fn a_file_and_an_entry_have_their_bounds() {
    let mut bytes = Vec::new();
    let mut tail = RecordWriter::begin(&mut bytes, &head()).unwrap().tail();
    let entry = encode(&Entry::<Input>::Lost("x".into()));
    let room = entry.len() as u64 + 12;
    for (bytes, fits) in [(RECORD_BYTES_MAX - room, true), (RECORD_BYTES_MAX - room + 1, false)] {
        let mut out = Vec::new();
        tail.bytes = bytes;
        let mut writer = RecordWriter::resume(&mut out, tail);
        assert_eq!(writer.put(&entry).is_ok(), fits);
        assert_eq!(out.is_empty(), !fits);
    }
    tail.bytes = 0;
    let mut out = Vec::new();
    let mut writer = RecordWriter::resume(&mut out, tail);
    let long = vec![0; ENTRY_BYTES_MAX as usize + 1];
    assert_eq!(writer.put(&long), Err(RecordError::Full));
    bytes.extend((ENTRY_BYTES_MAX + 1).to_le_bytes());
    let error = read(&bytes).1.unwrap_err();
    assert!(matches!(error, RecordError::Damaged { .. }), "{error}");
}

#[test]
fn a_store_is_carried_but_for_its_index_and_up_to_its_bound() {
    let store = MemStore::default();
    let mut batch = Batch::default();
    batch.put(Table::Meta, *b"format", [2]);
    batch.put(Table::Meta, *b"index", [1]);
    batch.put(Table::Owners, [1], [1]);
    batch.put(Table::History, [1], [1]);
    for number in 0..1000u32 {
        batch.put(Table::State, number.to_be_bytes(), vec![0; 1000]);
    }
    store.stage(batch).unwrap();
    let mut bytes = Vec::new();
    let mut writer = RecordWriter::begin(&mut bytes, &head()).unwrap();
    assert_eq!(write_store(&store, &mut writer).unwrap(), 1001);
    let copy = MemStore::default();
    let (pieces, _) = read(&bytes);
    assert_eq!(pieces.len(), 4);
    for entry in pieces {
        let Entry::Stored(piece) = entry else { panic!("{entry:?}") };
        let mut batch = Batch::default();
        for Stored { table, key, value } in piece {
            batch.put(Table::ALL[usize::from(table)], key, value);
        }
        copy.stage(batch).unwrap();
    }
    assert_eq!(copy.get(Table::Meta, b"index").unwrap(), None);
    assert_eq!(differing(&store, &copy).unwrap(), 0);
    let mut batch = Batch::default();
    batch.delete(Table::State, 1u32.to_be_bytes());
    batch.put(Table::State, 2u32.to_be_bytes(), [1]);
    batch.put(Table::Records, [1], [1]);
    copy.stage(batch).unwrap();
    assert_eq!(differing(&store, &copy).unwrap(), 3);
    assert_eq!(differing(&copy, &store).unwrap(), 3);

    let mut batch = Batch::default();
    batch.put(Table::Blocks, [1], vec![0; STORE_BYTES_MAX as usize]);
    store.stage(batch).unwrap();
    let mut writer = RecordWriter::begin(Vec::new(), &head()).unwrap();
    let error = write_store(&store, &mut writer).unwrap_err();
    assert_eq!(error, RecordError::TooLarge { max: STORE_BYTES_MAX });
}

#[test]
fn a_seat_is_written_down_without_its_key() {
    let seat = Seat { seed: 9, ..Seat::default() };
    let alone = Start::of(&seat, None).seat(|_| None).unwrap();
    assert_eq!((alone.seed, alone.payout, alone.authority()), (9, None, None));
    let key = Keypair::from_secret(&[1; 32]);
    let start = Start::of(&Seat { key: Some(key.clone()), ..seat }, None);
    let written = encode(&Entry::<Input>::Start(start.clone()));
    assert!(!written.windows(32).any(|bytes| *bytes == *key.secret()));
    assert_eq!(start.authority, Some(key.address()));
    assert!(start.seat(|_| None).is_none(), "nobody signs without the key");
    let whole = start.seat(|asked| (*asked == key.address()).then(|| key.clone())).unwrap();
    assert_eq!((whole.seed, whole.authority()), (9, start.authority));
}

#[test]
fn a_digest_depends_on_times_and_on_order() {
    let digest = |parts: &[(u64, &[Output])]| {
        let mut digest = Digest::default();
        parts.iter().for_each(|(now, outputs)| digest.add(Time(*now), outputs));
        digest.to_hex()
    };
    let (sync, stop) = (Output::Sync, Output::StopSearch);
    let both = [sync.clone(), stop.clone()];
    let first = digest(&[(1, &both)]);
    assert_eq!(first, digest(&[(1, &both)]));
    assert_ne!(first, digest(&[(2, &both)]));
    assert_ne!(first, digest(&[(1, &[stop.clone(), sync.clone()])]));
    assert_ne!(first, digest(&[(1, &[sync]), (1, &[stop])]));
    assert_ne!(digest(&[(1, &[])]), Digest::default().to_hex());
}

use std::fs;
use std::sync::Mutex;

use super::*;
use crate::consensus::Seat;
use crate::replica::{Chain, Peer};
use crate::spec::{Spec, find};
use crate::store::MemStore;
use crate::types::target::Bits;

const START: Start =
    Start { authority: None, payout: None, stake: None, seed: 0, checkpoint: None };

fn spec(time: u64) -> FrozenSpec {
    let spec = Spec::parse("pow-dev", find("pow-dev").unwrap()).unwrap();
    spec.freeze(Time(1_700_000_000_000 + 1000 * time), || Bits(0x207f_ffff))
}

/// Records a replica that so many peers connect to.
fn film(file: &Path, store: &Arc<MemStore>, peers: u64) -> (Replica<MemStore>, Recording) {
    let spec = spec(0);
    let now = Time(1_700_000_100_000);
    let mut recording = Begun::begin(file, &spec, START, &**store).unwrap().open(now).unwrap();
    let (chain, engine) = (Chain::of(&spec), spec.engine(&Seat::default()));
    let mut replica =
        Replica::open(chain, || spec.genesis_state(), engine, store.clone(), now).unwrap();
    recording.came_out(&replica.take_outputs(), &replica);
    for peer in 0..peers {
        put(&mut recording, &mut replica, Time(now.0 + peer), Input::Connected(Peer(peer)));
    }
    (replica, recording)
}

fn put(recording: &mut Recording, replica: &mut Replica<MemStore>, now: Time, input: Input) {
    recording.goes_in(now, &input);
    replica.handle(now, input);
    recording.came_out(&replica.take_outputs(), replica);
}

fn entries(file: &Path) -> Vec<Entry> {
    let bytes = fs::read(file).unwrap();
    let mut reader = RecordReader::begin(&bytes[..]).unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        entries.push(entry);
    }
    entries
}

#[test]
fn a_process_goes_on_with_the_file_of_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("node.rec");
    let store = Arc::<MemStore>::default();
    let (replica, recording) = film(&file, &store, 5);
    // As if the process were killed in the middle of an entry.
    drop((replica, recording));
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend([9, 0, 0, 0, 1]);
    fs::write(&file, &bytes).unwrap();
    let (replica, mut recording) = film(&file, &store, 3);
    recording.end(&replica);

    let entries = entries(&file);
    let is = |what: fn(&Entry) -> bool| entries.iter().filter(|entry| what(entry)).count();
    assert_eq!(is(|entry| matches!(entry, Entry::Start(_))), 2);
    assert_eq!(is(|entry| matches!(entry, Entry::Input { .. })), 8);
    assert_eq!(is(|entry| matches!(entry, Entry::End(_))), 1);
    // The second begins with what the first wrote: the genesis block at least.
    assert!(is(|entry| matches!(entry, Entry::Stored(_))) == 1);
    let Some(Entry::End(mark)) = entries.last() else { panic!("{:?}", entries.last()) };
    assert_eq!((mark.inputs, mark.peers), (3, 3));
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("node.rec");
    let store = MemStore::default();
    let begin = |file: &Path, time| match Begun::begin(file, &spec(time), START, &store) {
        Ok(_) => panic!("it begins"),
        Err(error) => (error.to_string(), error.help()),
    };
    fs::write(&file, "my letters").unwrap();
    let (error, help) = begin(&file, 0);
    assert!(error.contains("no recording of a node") && help.contains("does not exist yet"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "my letters");
    let (error, help) = begin(&directory.path().join("nowhere/node.rec"), 0);
    assert!(error.contains("No such file") && help.contains("directory that exists"), "{error}");

    fs::remove_file(&file).unwrap();
    let (_replica, recording) = film(&file, &Arc::default(), 1);
    let (error, help) = begin(&file, 0);
    assert!(error.contains("another node") && help.contains("of its own"), "{error}");
    drop(recording);
    let before = fs::read(&file).unwrap();
    let (error, help) = begin(&file, 1);
    assert!(error.contains("of chain") && help.contains("another file"), "{error}");
    let mut damaged = before.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs::write(&file, &damaged).unwrap();
    let (error, help) = begin(&file, 0);
    assert!(error.contains("damaged at byte") && help.contains("move this one away"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), damaged);
}

#[test]
fn a_disk_that_is_too_slow_ends_the_recording_and_not_the_node() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("node.rec");
    let (mut replica, mut recording) = film(&file, &Arc::default(), 2);
    // As if so much waited.
    recording.waiting.fetch_add(WAITING_BYTES_MAX, Ordering::Relaxed);
    for peer in 10..20 {
        put(&mut recording, &mut replica, Time(1_700_000_200_000), Input::Connected(Peer(peer)));
    }
    assert!(recording.way.is_none());
    recording.end(&replica);
    // Nobody waits for the thread that writes, but for this.
    let whole = || {
        entries(&file).into_iter().rev().find_map(|entry| match entry {
            Entry::Lost(reason) => Some(reason),
            _ => None,
        })
    };
    let reason = loop {
        if let Some(reason) = whole() {
            break reason;
        }
        std::thread::yield_now();
    };
    assert!(reason.contains("too slow"), "{reason}");
    let inputs = entries(&file).into_iter().filter(|entry| matches!(entry, Entry::Input { .. }));
    assert_eq!(inputs.count(), 2);
}

/// A disk with so much room, that can be looked at from outside.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.bytes.lock().unwrap();
        let fits = self.room.saturating_sub(all.len()).min(bytes.len());
        if fits == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        all.extend(&bytes[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Disk {
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_recording_with_a_last_word_if_there_is_room() {
    let head = Head::new(spec(0).genesis_id(), "a spec".into());
    let entry = encode(&Entry::Input { now: Time(1), check: 2, input: Input::Tick });
    for spare in [0, 200] {
        let disk = Disk { room: usize::MAX, ..Disk::default() };
        let mut writer = RecordWriter::begin(disk.clone(), &head).unwrap();
        writer.get_mut().room = disk.bytes.lock().unwrap().len() + 100;
        let (sender, entries) = channel();
        let waiting = AtomicUsize::new(100 * entry.len());
        (0..100).for_each(|_| sender.send(entry.clone()).unwrap());
        work(writer, &entries, &waiting, |mut disk: Disk, length| {
            disk.bytes.lock().unwrap().truncate(length as usize);
            disk.room = length as usize + spare;
            Ok(disk)
        });
        let bytes = disk.bytes.lock().unwrap();
        let mut reader = RecordReader::begin(&bytes[..]).unwrap();
        if spare > 0 {
            let Ok(Some(Entry::Lost(reason))) = reader.next() else { panic!("no last word") };
            assert!(reason.contains("no storage space"), "{reason}");
        }
        assert_eq!(reader.next(), Ok(None));
    }
}

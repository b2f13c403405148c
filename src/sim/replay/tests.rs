use std::sync::{Mutex, PoisonError};

use super::*;
use crate::replica::record::{Head, MARK_EVERY, RecordWriter, Recorder, write_store};
use crate::sim::random::Dice;
use crate::sim::{Micros, Options as SimOptions, Scene, Sim, Watch};
use crate::spec::{Spec, find};
use crate::types::encode;

/// A second replica beside one of a simulated node, which is fed the same and recorded as a node records.
struct Film {
    node: usize,
    reel: Arc<Mutex<Reel>>,
}

struct Reel {
    writer: RecordWriter<Vec<u8>>,
    running: Option<(Replica<MemStore>, Recorder)>,
    store: Arc<MemStore>,
    dice: Dice,
}

impl Reel {
    fn came_out(&mut self) {
        let Some((replica, recorder)) = &mut self.running else { return };
        let outputs = replica.take_outputs();
        if let Some(mark) = recorder.came_out(&outputs, replica) {
            self.writer.put(&mark).unwrap();
        }
        if outputs.contains(&Output::Sync) {
            self.store.sync().unwrap();
        }
    }

    fn put(&mut self, entry: Entry) {
        self.writer.put(&encode(&entry)).unwrap();
    }
}

impl Watch for Film {
    fn name(&self) -> &'static str {
        "film"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        if node != self.node {
            return Ok(());
        }
        let mut reel = self.reel.lock().unwrap_or_else(PoisonError::into_inner);
        let now = scene.replica(node).expect("it just started").context().now;
        let (options, spec) = (scene.options(), &scene.options().spec);
        let seat = options.nodes[node].seat(options.seed, node, 0);
        let start = Start::of(&seat, None);
        reel.put(Entry::Start(start));
        let store = reel.store.clone();
        let entries = write_store(&*store, &mut reel.writer).unwrap();
        reel.put(Entry::Open { now, entries });
        let replica =
            Replica::open(Chain::of(spec), || spec.genesis_state(), spec.engine(&seat), store, now)
                .unwrap();
        reel.running = Some((replica, Recorder::open(now)));
        reel.came_out();
        Ok(())
    }

    fn handles(
        &mut self,
        _scene: &Scene<'_>,
        node: usize,
        local: Time,
        input: &Input,
    ) -> Result<(), String> {
        if node != self.node {
            return Ok(());
        }
        let mut reel = self.reel.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((replica, recorder)) = &mut reel.running else { return Ok(()) };
        let entry = recorder.goes_in(local, input);
        replica.handle(local, input.clone());
        reel.writer.put(&entry).unwrap();
        reel.came_out();
        Ok(())
    }

    fn crashed(&mut self, _scene: &Scene<'_>, node: usize) -> Result<(), String> {
        if node == self.node {
            let mut reel = self.reel.lock().unwrap_or_else(PoisonError::into_inner);
            reel.running = None;
            let staged = reel.store.staged() as u64;
            let survivors = reel.dice.below(staged + 1);
            reel.store = Arc::new(reel.store.crashed(survivors as usize));
        }
        Ok(())
    }
}

/// The recording of a miner among others that is killed, comes back, and is parted from them; `ends` says whether it is
/// stopped at last or killed.
fn recording(seed: u64, ends: bool) -> Vec<u8> {
    let spec = Spec::parse("pow-dev", find("pow-dev").unwrap()).unwrap();
    filmed(SimOptions::miners(seed, spec, 4, 32), [&[0, 1], &[2, 3]], 180, ends)
}

/// The recording of node 1, which is killed after so many seconds and parted from some others.
fn filmed(options: SimOptions, parts: [&[usize]; 2], seconds: u64, ends: bool) -> Vec<u8> {
    let seed = options.seed;
    let head = Head::new(options.spec.genesis_id(), options.spec.to_toml());
    let reel = Arc::new(Mutex::new(Reel {
        writer: RecordWriter::begin(Vec::new(), &head).unwrap(),
        running: None,
        store: Arc::default(),
        dice: Dice::new(seed, "film"),
    }));
    let film = Film { node: 1, reel: reel.clone() };
    let mut sim = Sim::watched(options, vec![Box::new(film)]).unwrap();
    sim.run(Micros::seconds(seconds));
    let cut = sim.cut(parts[0], parts[1], false).unwrap();
    sim.crash_after(1, 3).unwrap();
    sim.run(Micros::seconds(20));
    sim.heal(cut).unwrap();
    sim.restart(1).unwrap();
    sim.run(Micros::seconds(120));
    let mut reel = reel.lock().unwrap_or_else(PoisonError::into_inner);
    if ends {
        let (replica, recorder) = reel.running.take().unwrap();
        reel.writer.put(&recorder.end(&replica)).unwrap();
    }
    std::mem::take(reel.writer.get_mut())
}

fn again(bytes: &[u8], options: Options) -> Result<Replayed, ReplayError> {
    replay(&mut RecordReader::begin(bytes)?, options, &[], |_| true)
}

fn entries(bytes: &[u8]) -> (Head, Vec<Entry>) {
    let mut reader = RecordReader::begin(bytes).unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        entries.push(entry);
    }
    (reader.head().clone(), entries)
}

fn written(head: &Head, entries: &[Entry]) -> Vec<u8> {
    let mut writer = RecordWriter::begin(Vec::new(), head).unwrap();
    entries.iter().for_each(|entry| writer.put(&encode(entry)).unwrap());
    std::mem::take(writer.get_mut())
}

fn is_input(entry: &Entry) -> bool {
    matches!(entry, Entry::Input { .. })
}

#[test]
fn a_recording_of_crash_and_partition_is_the_same_history_again() {
    for seed in 0..4 {
        let bytes = recording(seed, true);
        let (_, entries) = entries(&bytes);
        let inputs = entries.iter().filter(|entry| is_input(entry)).count() as u64;
        println!("seed {seed}: {inputs} inputs in {} bytes", bytes.len());
        assert!(inputs > 2 * MARK_EVERY);
        let replayed = again(&bytes, Options::default()).unwrap();
        assert_eq!(replayed.parted, None, "seed {seed}");
        assert_eq!((replayed.inputs, replayed.cut), (inputs, 0));
        let [first, second] = &replayed.lives[..] else { panic!("{:?}", replayed.lives) };
        assert_eq!((&first.ending, &second.ending), (&Ending::Killed, &Ending::Stopped));
        // The last input of a process that is killed is compared with nothing.
        assert_eq!(first.compared, first.mark.inputs - 1);
        assert_eq!(second.compared, second.mark.inputs);
        assert_eq!((first.stored, first.store_differs), (0, None));
        assert!(second.stored > 100 && second.store_differs.is_some());
        assert!(first.blocks > 10 && second.blocks > 10);
        assert!(second.mark.height > first.mark.height);
        assert_eq!(again(&bytes, Options::default()).unwrap().digest(), replayed.digest());
    }
}

#[test]
fn an_authority_is_replayed_by_whoever_has_its_key() {
    let spec = Spec::parse("raft-3", find("raft-3").unwrap()).unwrap();
    let bytes = filmed(SimOptions::seated(3, spec, 3, 32), [&[0, 1], &[2]], 10, true);
    // The key of a development account is known.
    let replayed = again(&bytes, Options::default()).unwrap();
    assert_eq!(replayed.parted, None);
    let bob = DevAccount::named("bob").unwrap().address();
    assert!(replayed.lives.iter().all(|life| life.start.authority == Some(bob)));
    assert!(replayed.inputs > 2 * MARK_EVERY && replayed.lives[1].blocks > 0, "{replayed:?}");

    // Anybody else's has to be brought, and another one signs something else.
    let (head, mut entries) = entries(&bytes);
    let other = Keypair::from_secret(&[9; 32]);
    for entry in &mut entries {
        if let Entry::Start(start) = entry {
            start.authority = Some(other.address());
        }
    }
    let changed = written(&head, &entries);
    let error = again(&changed, Options::default()).unwrap_err();
    let shown = other.address().encode(&crate::types::Prefix::new("assay").unwrap());
    assert!(error.to_string().contains(&shown), "{error}");
    let mut reader = RecordReader::begin(&changed[..]).unwrap();
    let replayed = replay(&mut reader, Options::default(), &[other], |_| true).unwrap();
    assert!(replayed.parted.is_some());
}

#[test]
fn a_recording_cut_anywhere_is_the_same_history_up_to_there() {
    let bytes = recording(5, false);
    let whole = again(&bytes, Options::default()).unwrap();
    let head = written(&entries(&bytes).0, &[]).len() as u64;
    let mut dice = Dice::new(5, "cuts");
    for _ in 0..24 {
        let cut = (head + dice.below(bytes.len() as u64 - head)) as usize;
        let (_, left) = entries(&bytes[..cut]);
        let replayed = again(&bytes[..cut], Options::default()).unwrap();
        assert_eq!(replayed.parted, None, "cut at {cut}");
        let inputs = left.iter().filter(|entry| is_input(entry)).count() as u64;
        assert_eq!(replayed.inputs, inputs, "cut at {cut}");
        let same = replayed.lives.iter().zip(&whole.lives);
        for (life, all) in same {
            assert!(life.compared + 1 >= life.mark.inputs, "cut at {cut}: {life:?}");
            assert!(life.mark.inputs <= all.mark.inputs);
        }
    }
}

#[test]
fn the_first_input_that_goes_another_way_is_named() {
    let (head, whole) = entries(&recording(6, true));
    let places: Vec<usize> = (0..whole.len()).filter(|at| is_input(&whole[*at])).collect();
    let mut dice = Dice::new(6, "changes");
    for _ in 0..8 {
        let number = dice.below(places.len() as u64) as usize;
        let mut changed = whole.clone();
        let Entry::Input { now, .. } = &mut changed[places[number]] else { unreachable!() };
        now.0 += 1;
        let replayed = again(&written(&head, &changed), Options::default()).unwrap();
        let parted = replayed.parted.unwrap();
        assert_eq!(parted.input, number as u64 + 1, "{parted:?}");
        let Entry::Input { now, input, .. } = &changed[places[number]] else { unreachable!() };
        assert_eq!((parted.now, parted.what), (*now, input_words(Some(input))));
        assert_ne!(parted.recorded, parted.replayed);
        // Whoever stops there sees it as well, and whoever stops before sees nothing yet.
        let until = |input| Options { until: Some(input) };
        let stopped = again(&written(&head, &changed), until(parted.input)).unwrap();
        assert_eq!(stopped.parted.map(|parted| parted.input), Some(parted.input));
        let stopped = again(&written(&head, &changed), until(parted.input - 1)).unwrap();
        assert_eq!(stopped.parted, None);
    }
    // A mark that says something else than the inputs before it.
    let mut changed = whole.clone();
    let mark = changed.iter_mut().find_map(|entry| match entry {
        Entry::Mark(mark) if mark.inputs > 0 => Some(mark),
        _ => None,
    });
    let mark = mark.unwrap();
    mark.pending += 1;
    let inputs = mark.inputs;
    let parted = again(&written(&head, &changed), Options::default()).unwrap().parted.unwrap();
    assert_eq!((parted.life, parted.input), (1, inputs));
    assert!(parted.recorded.contains("pending"), "{parted:?}");
}

#[test]
fn a_replay_stops_where_it_is_told_and_shows_each_step() {
    let bytes = recording(7, true);
    let whole = again(&bytes, Options::default()).unwrap();
    let first = whole.lives[0].mark.inputs;
    for until in [0, 1, 100, first, first + 1, whole.inputs, whole.inputs + 1] {
        let mut steps = Vec::new();
        let mut reader = RecordReader::begin(&bytes[..]).unwrap();
        let options = Options { until: Some(until) };
        let replayed = replay(&mut reader, options, &[], |step| {
            assert!(!step.outputs.iter().map(output_words).any(|words| words.is_empty()));
            steps.push((step.life, step.number, step.input.is_some()));
            true
        });
        let replayed = replayed.unwrap();
        assert_eq!((replayed.inputs, &replayed.parted), (until.min(whole.inputs), &None));
        let inputs = steps.iter().filter(|(.., input)| *input).map(|(_, number, _)| *number);
        assert!(inputs.eq(1..=replayed.inputs));
        assert_eq!(steps[0], (1, 0, false));
        let last = replayed.lives.last().unwrap();
        assert_eq!(last.compared, last.mark.inputs, "until {until}");
        let left = last.ending == Ending::Left;
        assert_eq!(left, until < whole.inputs, "until {until}");
        assert_eq!(steps.contains(&(2, first, false)), until >= first);
    }
    let mut reader = RecordReader::begin(&bytes[..]).unwrap();
    let replayed = replay(&mut reader, Options::default(), &[], |step| step.number < 10).unwrap();
    assert_eq!((replayed.interrupted, replayed.inputs), (true, 10));
}

#[test]
fn entries_in_an_order_that_no_node_writes_are_refused() {
    let (head, whole) = entries(&recording(8, true));
    let start = whole[0].clone();
    let input = whole.iter().find(|entry| is_input(entry)).unwrap().clone();
    let stored = Entry::Stored(vec![Stored { table: 1, key: vec![1], value: vec![1] }]);
    let nowhere = Entry::Stored(vec![Stored { table: 99, key: vec![1], value: vec![1] }]);
    let open = |entries| Entry::Open { now: Time(1), entries };
    let end = whole.last().unwrap().clone();
    for bad in [
        vec![input.clone()],
        vec![end.clone()],
        vec![stored],
        vec![open(0)],
        vec![start.clone(), input],
        vec![start.clone(), open(1)],
        vec![start.clone(), nowhere],
        vec![whole[0].clone(), whole[1].clone(), end],
    ] {
        let error = again(&written(&head, &bad), Options::default()).unwrap_err();
        assert!(matches!(error, ReplayError::Record(RecordError::Damaged { .. })), "{error}");
    }
    let head = Head { spec: "engine = 1".into(), ..head };
    let error = again(&written(&head, &[start]), Options::default()).unwrap_err();
    assert!(matches!(error, ReplayError::Spec(_)), "{error}");
}

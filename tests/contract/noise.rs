//! Nothing that comes in makes an engine or a replica panic, or keeps it from following the chain afterwards.

use std::sync::Arc;

use assay::chain::{HeadMove, Imported};
use assay::consensus::{Action, AuthorityId, Event, Message, OrderId, Outbox, Record, Timer};
use assay::replica::wire::{Gossip, Request, Response, Status};
use assay::replica::{Input, Output, Peer, Replica};
use assay::store::{MemStore, Store};
use assay::types::signatures::verify_batch;
use assay::types::work::WorkProof;
use assay::types::{
    Address, BlockId, Bounded, Hash, Height, PublicKey, Seal, Signature, Span, Time, Transaction,
    decode, encode,
};

use super::progress::payment;
use super::subject::{Subject, address, person};
use super::world::{Dice, World};

const EVENTS: u64 = 4000;

const INPUTS: u64 = 4000;

/// An engine that answers one event with more actions than this repeats itself.
const ACTIONS_MAX: usize = 64;

/// An honest peer that the noise does not speak for.
const HONEST: Peer = Peer(1_000_000);

fn eventful(subject: &Subject) -> World<'_> {
    let mut world = World::new(subject, 41, 3, 1);
    world.submit(0, vec![payment(subject, 4)]);
    world.until("five blocks", |world| world.height(3).0 >= 5);
    world
}

fn hash(dice: &mut Dice) -> Hash {
    Hash(dice.bytes())
}

fn block_id(dice: &mut Dice, known: &[BlockId]) -> BlockId {
    match dice.percent(60) {
        true => known[dice.index(known.len())],
        false => BlockId(hash(dice)),
    }
}

fn seal(dice: &mut Dice) -> Seal {
    let signature = Signature(dice.bytes());
    match dice.below(5) {
        0 => Seal::Genesis,
        1 => Seal::Signature { key: person(1).public(), signature },
        2 => Seal::Quorum { round: dice.below(3), votes: Bounded::default() },
        3 => Seal::Leader { round: dice.below(3), leader: person(1).public(), signature },
        _ => Seal::Work(WorkProof {
            version: 0x2000_0000 | dice.below(2) as i32,
            extra_nonce: dice.below(u64::MAX),
            time: dice.below(1 << 32) as u32,
            nonce: dice.below(1 << 32) as u32,
        }),
    }
}

fn authority(dice: &mut Dice) -> AuthorityId {
    match dice.percent(80) {
        true => person(dice.index(4)).address(),
        false => Address::of(&PublicKey(dice.bytes())),
    }
}

fn bytes(dice: &mut Dice) -> Vec<u8> {
    let length = [0, 1, 8, 33, 200][dice.index(5)];
    (0..length).map(|_| dice.below(256) as u8).collect()
}

/// Changes a few bits or bytes of an encoding, as far as the result still reads.
fn garbled<T>(value: &T, dice: &mut Dice) -> Option<T>
where
    T: borsh::BorshSerialize + borsh::BorshDeserialize,
{
    let mut encoded = encode(value);
    for _ in 0..=dice.below(3) {
        let at = dice.index(encoded.len());
        match dice.below(4) {
            0 => encoded[at] = 0xff,
            1 => encoded[at] = dice.below(4) as u8,
            _ => encoded[at] ^= 1 << dice.below(8),
        }
    }
    decode(&encoded).ok()
}

/// A message as authorities sent it, or one like it, or none of this rule.
fn message(dice: &mut Dice, said: &[Message]) -> Message {
    match said.is_empty() || dice.percent(40) {
        true => Message(Bounded::truncated(bytes(dice))),
        false => {
            let message = &said[dice.index(said.len())];
            let mut content = message.0.to_vec();
            if !content.is_empty() && dice.percent(70) {
                let at = dice.index(content.len());
                content[at] ^= 1 << dice.below(8);
            }
            Message(Bounded::truncated(content))
        }
    }
}

fn event(dice: &mut Dice, known: &[BlockId], said: &[Message], orders: &[OrderId]) -> Event {
    match dice.below(8) {
        0 => {
            let record = |dice: &mut Dice| (Record(Bounded::truncated(bytes(dice))), bytes(dice));
            let count = dice.below(4);
            Event::Start { saved: (0..count).map(|_| record(dice)).collect() }
        }
        1 => {
            let ids = |dice: &mut Dice| -> Vec<BlockId> {
                let count = dice.below(3);
                (0..count).map(|_| block_id(dice, known)).collect()
            };
            let moved = dice.percent(70).then(|| HeadMove {
                from: block_id(dice, known),
                left: ids(dice),
                joined: ids(dice),
            });
            let height = Height(dice.below(10));
            Event::Imported(Imported { id: block_id(dice, known), height, moved })
        }
        2 | 3 => Event::Received { from: authority(dice), message: message(dice, said) },
        4 => Event::Elapsed(Timer::Draft),
        5 => {
            let order = match orders.last() {
                Some(last) if dice.percent(80) => *last,
                _ => OrderId(dice.below(u64::MAX)),
            };
            Event::Found { order, seal: seal(dice) }
        }
        6 => Event::PoolFilled,
        _ => Event::Payout(dice.percent(50).then(|| address(dice.index(9)))),
    }
}

/// What authorities said in a world.
fn messages(world: &World<'_>) -> Vec<Message> {
    let inputs = world.nodes.iter().flat_map(|node| &node.trace.1);
    let message = |(_, input): &(Time, Input)| match input {
        Input::Received { message, .. } => Some(message.clone()),
        _ => None,
    };
    inputs.filter_map(message).collect()
}

pub fn check_engine(subject: &Subject) {
    let world = eventful(subject);
    let said = messages(&world);
    for seat in [Some(0), Some(1), None] {
        let mut engine = (subject.engine)(seat.map(person).as_ref());
        let mut dice = Dice::new(51);
        let mut orders = Vec::new();
        let mut now = world.now;
        for number in 0..EVENTS {
            let replica = world.replica(dice.index(world.nodes.len()));
            let known: Vec<BlockId> = replica.tree().nodes().map(|node| node.id).collect();
            let event = event(&mut dice, &known, &said, &orders);
            if seat.is_none() && matches!(event, Event::Payout(Some(_))) {
                // The operator gives it a seat.
                continue;
            }
            let mut out = Outbox::default();
            now = now.after(Span(dice.below(1500)));
            let behind = dice.percent(10);
            let cx = assay::consensus::Context { now, behind, ..replica.context() };
            engine.handle(event.clone(), &cx, &mut out);
            let actions = out.take();
            assert!(actions.len() <= ACTIONS_MAX, "{number}: {} actions", actions.len());
            for action in &actions {
                match action {
                    Action::Search(order) => {
                        let last = orders.last();
                        assert!(last < Some(&order.order), "{number}: an order is used again");
                        orders.push(order.order);
                    }
                    Action::SetTimer { at, .. } => {
                        assert!(*at >= now, "{number}: a timer in the past");
                    }
                    _ => {}
                }
                let silent = matches!(
                    action,
                    Action::SetTimer { .. }
                        | Action::StopTimer(_)
                        | Action::StopSearch
                        | Action::Report(_)
                );
                assert!(
                    silent || seat.is_some(),
                    "{number}: without a seat, {action:?} on {event:?}"
                );
            }
        }
    }
}

fn input(dice: &mut Dice, heard: &[Input], known: &[BlockId], said: &[Message]) -> Input {
    if dice.percent(70) {
        let input = &heard[dice.index(heard.len())];
        return garbled(input, dice).unwrap_or_else(|| input.clone());
    }
    let (from, id) = (Peer(dice.below(6)), dice.below(200));
    match dice.below(12) {
        0 => Input::Connected(from),
        1 => Input::Disconnected(from),
        2 => Input::RequestFailed { from, id },
        3 => Input::Verified { order: id, bad: vec![0, 1, u32::MAX] },
        4 => Input::Found { order: OrderId(dice.below(20)), seal: seal(dice) },
        5 => Input::Payout(dice.percent(50).then(|| address(dice.index(9)))),
        6 => Input::Received { from: authority(dice), message: message(dice, said) },
        7 => Input::Response { from, id, response: Response::Block(None) },
        8 => {
            let (after, count) = (block_id(dice, known), dice.below(1 << 32) as u32);
            Input::Request { from, id, request: Request::Blocks { after, count } }
        }
        9 => {
            let (block, places) = (block_id(dice, known), Bounded::truncated(vec![0, 7, 3]));
            Input::Request { from, id, request: Request::Transactions { block, places } }
        }
        10 => {
            let batch = Bounded::<Transaction, 512>::default();
            Input::Gossip { from, message: id, gossip: Gossip::Transactions(batch) }
        }
        _ => Input::Tick,
    }
}

/// A replica among noise, and what its host does for it.
struct Noisy {
    replica: Replica<MemStore>,
    now: Time,
}

impl Noisy {
    /// Performs what the replica put out: signatures are checked, nobody but the honest peer answers.
    fn perform(&mut self, server: &mut Replica<MemStore>) {
        for _ in 0..100 {
            let outputs = self.replica.take_outputs();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    Output::Sync => self.replica.store().sync().unwrap(),
                    Output::Verify { order, batch } => {
                        let bad = verify_batch(&batch).into_iter().map(|place| place as u32);
                        let bad = bad.collect();
                        self.replica.handle(self.now, Input::Verified { order, bad });
                    }
                    Output::Request { to, id, request } if to == HONEST => {
                        let response = serve(server, self.now, request);
                        let input = Input::Response { from: HONEST, id, response };
                        self.replica.handle(self.now, input);
                    }
                    Output::Request { to, id, .. } => {
                        self.replica.handle(self.now, Input::RequestFailed { from: to, id });
                    }
                    Output::Ban { peer, reason } => {
                        assert!(peer != HONEST, "the honest peer is banned: {reason}");
                    }
                    _ => {}
                }
            }
        }
        panic!("it goes on putting out");
    }
}

/// What an honest replica answers.
fn serve(server: &mut Replica<MemStore>, now: Time, request: Request) -> Response {
    server.handle(now, Input::Request { from: Peer(0), id: 1, request });
    let answer = |output| match output {
        Output::Respond { id: 1, response, .. } => Some(response),
        _ => None,
    };
    server.take_outputs().into_iter().find_map(answer).expect("an honest replica answers")
}

pub fn check_replica(subject: &Subject) {
    let mut world = eventful(subject);
    let said = messages(&world);
    let heard: Vec<Input> =
        world.nodes.iter().flat_map(|node| &node.trace.1).map(|it| it.1.clone()).collect();
    let known: Vec<BlockId> = world.replica(0).tree().nodes().map(|node| node.id).collect();
    let start = world.now;
    let mut server = world.nodes[0].replica.take().expect("it is up");
    for (seed, seat) in [(61, None), (62, Some(1))] {
        let mut dice = Dice::new(seed);
        let store = Arc::new(MemStore::default());
        let replica = subject.open(seat, store, start).unwrap();
        let mut noisy = Noisy { replica, now: start };
        for _ in 0..INPUTS {
            // Clocks jump back, too; a replica's does not follow.
            let now = start.after(Span(dice.below(20_000)));
            noisy.now = noisy.now.max(now);
            let input = input(&mut dice, &heard, &known, &said);
            noisy.replica.handle(now, input);
            noisy.perform(&mut server);
        }
        // It is left with one honest peer, and follows it.
        noisy.replica.handle(noisy.now, Input::Connected(HONEST));
        let goal: Status = server.status();
        for _ in 0..400 {
            noisy.perform(&mut server);
            if noisy.replica.tree().head().rank >= goal.rank {
                break;
            }
            noisy.now =
                noisy.replica.next_deadline().unwrap_or_default().max(noisy.now.after(Span(1)));
            noisy.replica.handle(noisy.now, Input::Tick);
        }
        let head = noisy.replica.tree().head();
        assert!(head.rank >= goal.rank, "it stays at {} of {}", head.height(), goal.height);
        assert_eq!(head.state.root(), head.block.header.state_root);
    }
}

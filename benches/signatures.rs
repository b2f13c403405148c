//! How fast signatures are checked, alone and in batches; one element is one signature.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use assay::types::signatures::{SignatureCheck, verify_batch, verify_single};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signer, SigningKey};

/// Signatures of as many different keys, as in a block whose senders never met.
fn signed(count: usize) -> Vec<SignatureCheck> {
    (0..count)
        .map(|i| {
            let seed = *blake3::hash(&i.to_le_bytes()).as_bytes();
            let key = SigningKey::from_bytes(&seed);
            SignatureCheck {
                key: key.verifying_key().to_bytes(),
                message: seed,
                signature: key.sign(&seed).to_bytes(),
            }
        })
        .collect()
}

fn signatures(c: &mut Criterion) {
    let one = signed(1)[0];
    let mut group = c.benchmark_group("verify_single");
    group.throughput(Throughput::Elements(1));
    group.bench_function("rules=zip215", |b| {
        b.iter(|| assert!(verify_single(&one.key, &one.message, &one.signature)));
    });
    group.finish();

    let mut group = c.benchmark_group("verify_batch");
    for size in [16, 64, 256] {
        let items = signed(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(format_args!("size={size}")), |b| {
            b.iter(|| assert!(verify_batch(&items).is_empty()));
        });
    }
    let mut items = signed(256);
    items[200].message[0] ^= 1;
    group.bench_function("size=256,bad=1", |b| b.iter(|| assert_eq!(verify_batch(&items), [200])));
    items.iter_mut().for_each(|item| item.message[1] ^= 1);
    group.bench_function("size=256,bad=256", |b| {
        b.iter(|| assert_eq!(verify_batch(&items).len(), 256));
    });
    group.finish();

    let key = SigningKey::from_bytes(&[7; 32]);
    c.bench_function("sign/bytes=32", |b| b.iter(|| key.sign(&[9; 32])));
}

criterion_group!(benches, signatures);
criterion_main!(benches);

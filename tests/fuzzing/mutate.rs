//! What becomes of seeds: small changes, many of them, the same ones in each run.

/// Numbers that look random (xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice that always fall the same for `name`.
    pub(crate) fn new(name: &str) -> Dice {
        Dice(
            name.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
                | 1,
        )
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// One of `seeds` after one to eight changes.
pub(crate) fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut data = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(8) {
        change(&mut data, seeds, dice);
    }
    data.truncate(LONGEST);
    data
}

fn change(data: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(data.len() + 1);
    let to = at + dice.below(data.len() - at + 1);
    match dice.below(8) {
        0 if at < data.len() => data[at] ^= 1 << dice.below(8),
        1 if at < data.len() => data[at] = ODD[dice.below(ODD.len())],
        2 => data.insert(at, ODD[dice.below(ODD.len())]),
        3 => drop(data.drain(at..to)),
        4 => {
            let copy = data[at..to].to_vec();
            data.splice(at..at, copy);
        }
        5 => data.truncate(at),
        6 => {
            let other = &seeds[dice.below(seeds.len())];
            let from = dice.below(other.len() + 1);
            data.splice(at..to, other[from..].iter().copied());
        }
        _ => {
            let word = WORDS[dice.below(WORDS.len())];
            data.splice(at..at, word.iter().copied());
        }
    }
}

const LONGEST: usize = 4096;

const ODD: [u8; 16] = [0, 1, 2, 8, 10, 18, 32, 34, 58, 92, 123, 127, 128, 192, 254, 255];

const WORDS: [&[u8]; 10] = [
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"${env:TEXT}",
    b"\n  - ",
    b": &a *a\n",
    b"\\ud800",
    b"1e999",
    b"9223372036854775808",
    b"-----BEGIN CERTIFICATE-----\n",
];

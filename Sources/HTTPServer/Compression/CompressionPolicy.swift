/// Which answers leave compressed with gzip, for clients that accept it.
///
/// Text is compressed: `text/*`, JSON, XML, JavaScript and their `+json` and `+xml` kin, unless the
/// answer has a coding, an entity tag, a range or `no-transform`. Such answers say
/// `Vary: Accept-Encoding`, whoever asks.
///
/// As with every server that compresses, the length of an answer that shows a secret beside
/// something that an attacker chose says a little about the secret.
public struct CompressionPolicy: Sendable {
    /// The shortest body that is compressed, in bytes. The default is what fits into one segment
    /// anyhow: making it smaller would cost more than sending it, for a long poll's usual answer
    /// as much again.
    public var bytesMin = 1400
    /// zlib's level, 1 (fast) to 9 (small). On the JSON of a large sync, 4 takes a third of the
    /// time of 6 for 3 % more bytes.
    public var level = 4
    /// Streamed answers that are compressed at once; further ones go out as they are. Each takes
    /// 270 KB until it ends.
    public var streamsMax = 64

    /// The defaults.
    public init() {}
}

/// How much a request may ask of the parser's memory. Every limit counts bytes unless it says else.
public struct ParserLimits: Sendable, Hashable {
    /// The longest request line without its line end. More is answered 414.
    public var requestLineBytesMax = 16 * 1024
    /// All header lines of a request together. More is answered 431.
    public var headerBytesMax = 32 * 1024
    /// The number of header fields. More is answered 431.
    public var headerCountMax = 100
    /// Chunk extensions of one body together. More is answered 400.
    public var chunkExtensionBytesMax = 1024
    /// All trailer lines of a chunked body together. More is answered 431.
    public var trailerBytesMax = 8 * 1024

    /// The limits that suit a Matrix homeserver.
    public init() {}
}

public import Reactor

/// A file, or a part of one, as the body of a response.
///
/// The file is closed when the response has been sent, unless somebody else holds it. One may be given
/// to any number of responses, also at the same time.
public final class FilePart: Sendable {
    /// The file.
    public let file: File
    /// Which of its bytes.
    public let range: Range<Int>

    /// The given bytes of a file, which must be there: if it turns out shorter while it is sent, or
    /// cannot be read, the connection is reset, since the client has been promised more.
    public init(_ file: File, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0, "a file begins at 0")
        self.file = file
        self.range = range
    }

    /// As much of a file as there was when it was opened.
    public convenience init(_ file: File) { self.init(file, 0..<Int(file.size)) }
}

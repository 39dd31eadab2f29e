/// What worker and main share, so that nobody else can follow the streams. Never shown in logs.
public struct ReplicationSecret: Sendable, Hashable {
    let text: String

    /// A secret of one line; ends of line in it are sent as spaces.
    public init(_ text: String) { self.text = text }

    /// How long a secret may be, in bytes.
    public static let bytesMax = 1024

    /// Reads what a file holds beside ends of lines; nil if that is no secret of 1 to ``bytesMax`` bytes.
    public init?(fileText text: String) {
        let line = text.split(whereSeparator: \.isNewline).joined()
        guard (1...Self.bytesMax).contains(line.utf8.count), !line.contains("\0") else {
            return nil
        }
        self.text = line
    }

    /// Whether two secrets are the same. Takes as long whatever the first byte in which they differ.
    func matches(_ other: ReplicationSecret) -> Bool {
        let ours = Array(text.utf8)
        let theirs = Array(other.text.utf8)
        var difference = ours.count ^ theirs.count
        for (index, byte) in theirs.enumerated() {
            difference |= Int(byte ^ (ours.isEmpty ? 0 : ours[index % ours.count]))
        }
        return difference == 0
    }
}

extension ReplicationSecret: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Says that there is one.
    public var description: String { "(secret)" }
    /// Says that there is one.
    public var debugDescription: String { description }
    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A place in a file, as people count: the first line is 1 and so is the first column.
///
/// Line 0 stands for the file as a whole, for example when it cannot be opened.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The file's name as the caller gave it.
    public let file: String
    /// The line, from 1; 0 for the file as a whole.
    public let line: Int
    /// The column in characters, from 1; 0 for the file as a whole.
    public let column: Int

    /// A place in `file`.
    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `file:line`, or only the file where there is no line.
    public var description: String { line == 0 ? file : "\(file):\(line)" }

    /// Orders by file, then line, then column.
    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

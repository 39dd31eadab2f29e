import Bytes
import JSON

/// What follows the first word of a line, taken apart word by word.
struct Arguments: ~Escapable {
    let command: CommandName
    var rest: RawSpan

    @_lifetime(copy rest)
    init(_ rest: RawSpan, of command: CommandName) {
        self.rest = rest
        self.command = command
    }

    func failure(_ reason: String) -> CommandError {
        .malformed(command, reason: reason)
    }

    /// Takes the next word, which must not be empty.
    @_lifetime(copy self)
    mutating func word(_ what: StaticString) throws(CommandError) -> RawSpan {
        let space = rest.firstIndex(of: UInt8(ascii: " "))
        let word = rest.extracting(first: space ?? rest.byteCount)
        guard word.byteCount > 0 else { throw failure("expected \(what)") }
        rest = rest.extracting(droppingFirst: space.map { $0 + 1 } ?? rest.byteCount)
        return word
    }

    /// Takes the last word.
    @_lifetime(copy self)
    mutating func lastWord(_ what: StaticString) throws(CommandError) -> RawSpan {
        var start = rest.byteCount
        while start > 0, rest.byte(start - 1) != UInt8(ascii: " ") { start -= 1 }
        let word = rest.extracting(start..<rest.byteCount)
        guard word.byteCount > 0, start > 0 else { throw failure("expected \(what)") }
        rest = rest.extracting(first: start - 1)
        return word
    }

    func nonemptyRest(_ what: StaticString) throws(CommandError) -> String {
        guard rest.byteCount > 0 else { throw failure("expected \(what)") }
        return rest.string
    }

    /// Takes a token.
    mutating func token() throws(CommandError) -> Int64 {
        guard let token = Int64(ascii: try word("a token")) else {
            throw failure("a token is a number")
        }
        return token
    }

    /// Takes a token, which must be the last word.
    mutating func lastToken() throws(CommandError) -> Int64 {
        guard let token = Int64(ascii: rest) else { throw failure("a token is a number") }
        rest = rest.extracting(first: 0)
        return token
    }

    /// Reads the rest as an array of JSON.
    func read<Value>(
        _ body: (inout RowReader) throws(RowError) -> Value
    ) throws(CommandError) -> Value {
        do {
            var reader = try RowReader(rest)
            let value = try body(&reader)
            try reader.finish()
            return value
        } catch {
            throw failure("expected \(error.expected) at byte \(error.offset) of the JSON")
        }
    }
}

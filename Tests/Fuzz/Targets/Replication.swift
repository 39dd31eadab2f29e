import Bytes
import FuzzHTTP
import JSON
import ReplicationWire

func checkLines(_ input: [UInt8]) throws(Violation) {
    for bytesMax in [LineSplitter.lineBytesMax, 40] {
        let whole = try split([input], bytesMax)
        for pieces in Pieces.of(input) {
            let cut = try split(pieces, bytesMax)
            try require(cut == whole, "\(pieces) gives \(cut) instead of \(whole)")
        }
    }
    let lines = try split([input], LineSplitter.lineBytesMax).lines
    for dialect in [Dialect.classic, .named] {
        try checkMain(lines, dialect)
        try checkWorker(lines, dialect)
    }
}

private struct Lines: Equatable {
    var lines: [[UInt8]] = []
    var violation: LineSplitter.Violation?
}

private func split(_ pieces: [[UInt8]], _ bytesMax: Int) throws(Violation) -> Lines {
    var splitter = LineSplitter(lineBytesMax: bytesMax)
    var result = Lines()
    for piece in pieces {
        do throws(LineSplitter.Violation) {
            try splitter.split(piece.span.bytes) { line in
                result.lines.append(line.array)
                return true
            }
        } catch {
            result.violation = error
            break
        }
        try require(splitter.unfinishedCount <= bytesMax + 1, "too much is kept")
    }
    for line in result.lines {
        try require(!line.isEmpty && line.count <= bytesMax, "a line of \(line.count) bytes")
        try require(!line.contains(0x0A), "a line holds a line feed")
    }
    return result
}

private let time = LinkTime(monotonic: .seconds(1), unixMilliseconds: 1_491_004_800_000)

private func checkMain(_ lines: [[UInt8]], _ dialect: Dialect) throws(Violation) {
    var link = MainLink(
        serverName: "x", streams: Set(StreamName.known), dialect: dialect, at: time)
    var actions: [MainLink.Action] = []
    link.opened(at: time, into: &actions)
    for line in lines {
        link.received(line.span.bytes, at: time, into: &actions)
        for action in actions {
            if case .send(let command) = action { try checkOneLine(command, dialect) }
        }
        actions.removeAll()
    }
    link.disconnected(into: &actions)
}

private func checkWorker(_ lines: [[UInt8]], _ dialect: Dialect) throws(Violation) {
    var link = WorkerLink(name: "w", serverName: nil, dialect: dialect)
    for stream in StreamName.classic { link.follow(stream, from: 5) }
    var actions: [WorkerLink.Action] = []
    link.opened(at: time, into: &actions)
    for line in lines {
        let before = link.position(of: .events) ?? 0
        link.received(line.span.bytes, at: time, into: &actions)
        let position = link.position(of: .events) ?? 0
        try require(position >= before, "events went back from \(before) to \(position)")
        for action in actions {
            if case .send(let command) = action { try checkOneLine(command, dialect) }
        }
        actions.removeAll()
    }
    link.disconnected(into: &actions)
    link.opened(at: time, into: &actions)
}

private func checkOneLine(_ command: ReplicationCommand, _ dialect: Dialect) throws(Violation) {
    let line = command.line(dialect: dialect)
    try require(line.firstIndex(of: 0x0A) == line.count - 1, "\(command) is not one line")
}

func checkCommand(_ input: [UInt8]) throws(Violation) {
    // What the splitter lets through, but for a carriage return, which is written as a space.
    guard !input.contains(0x0A), !input.contains(0x0D),
        String(validating: input, as: UTF8.self) != nil
    else { return }
    for dialect in [Dialect.classic, .named] {
        let command: ReplicationCommand
        do {
            command = try ReplicationCommand(parsing: input.span.bytes, dialect: dialect)
        } catch {
            try require(!error.text.utf8.contains(0x0A), "the error is more than a line")
            continue
        }
        try checkStable(command, dialect)
        // What the other dialect leaves out is lost, but what it writes must be readable.
        let other: Dialect = dialect == .classic ? .named : .classic
        _ = try read(command.line(dialect: other), other)
        guard case .rowData(var data) = command, let short = data.row.shortened else { continue }
        data.row = short
        try checkStable(.rowData(data), dialect)
    }
}

private func read(_ line: [UInt8], _ dialect: Dialect) throws(Violation) -> ReplicationCommand {
    try expectSuccess("\(dialect) \(String(decoding: line, as: UTF8.self))") {
        try ReplicationCommand(parsing: Array(line.dropLast()).span.bytes, dialect: dialect)
    }
}

private func checkStable(_ command: ReplicationCommand, _ dialect: Dialect) throws(Violation) {
    try checkOneLine(command, dialect)
    let line = command.line(dialect: dialect)
    let again = try read(line, dialect)
    try require(again.line(dialect: dialect) == line, "\(dialect): written twice, it differs")
    if again == command { return }
    // Rows are read in the shapes of either dialect and written in those of one.
    guard case .rowData(let data) = command else {
        throw Violation(description: "\(dialect): \(again) instead of \(command)")
    }
    let rows = try [Dialect.classic, .named].map { (dialect) throws(Violation) in
        try row(data, dialect)
    }
    try require(rows.contains(data.row), "\(rows) instead of \(data.row)")
}

private func row(_ data: RowData, _ dialect: Dialect) throws(Violation) -> ReplicationRow? {
    let again = try read(ReplicationCommand.rowData(data).line(dialect: dialect), dialect)
    if case .rowData(let data) = again { return data.row } else { return nil }
}

import Glibc
import ReplicationWire

/// CPU time of a worker's link for so many rows that lie in memory as they come from a socket: lines are split,
/// commands parsed, rows decoded, and the stream's follower moved on.
func measureParsing(rows: Int, dialect: Dialect) {
    let piece = 1000
    var link = WorkerLink(name: "worker", serverName: nil, dialect: dialect)
    link.follow(.events, from: 0)
    let time = LinkTime(monotonic: .zero, unixMilliseconds: 0)
    var actions: [WorkerLink.Action] = []
    link.opened(at: time, into: &actions)
    var splitter = LineSplitter()
    var delivered = 0
    func feed(_ bytes: [UInt8]) {
        do throws(LineSplitter.Violation) {
            try splitter.split(bytes.span.bytes) { line in
                link.received(line, at: time, into: &actions)
                for action in actions {
                    switch action {
                    case .rows(_, let rows, _):
                        for case .event in rows { delivered += 1 }
                    case .close(let failure):
                        print(failure.text)
                        exit(1)
                    default: break
                    }
                }
                actions.removeAll(keepingCapacity: true)
                return true
            }
        } catch {
            print(error)
            exit(1)
        }
    }
    feed(Array("SERVER example.org\n".utf8))
    var position = ReplicationCommand.position(
        Position(stream: .events, token: 0, previousToken: 0)
    ).line(dialect: dialect)
    feed(position)
    position = []
    var cpu: UInt64 = 0
    for start in stride(from: 0, to: rows, by: piece) {
        var bytes: [UInt8] = []
        for token in start + 1...min(start + piece, rows) {
            bytes += ReplicationCommand.rowData(
                RowData(
                    stream: .events, token: .number(Int64(token)),
                    row: eventRow(number: UInt64(token)))
            ).line(dialect: dialect)
        }
        let begin = cpuTime()
        feed(bytes)
        cpu += cpuTime() - begin
    }
    guard delivered == rows else {
        print("\(delivered) rows came out of \(rows)")
        exit(1)
    }
    print("{\"rows\":\(rows),\"nanoseconds\":\(cpu)}")
}

import Bytes
import ReplicationWire

/// Rows of one stream, encoded once for every connection.
struct PublishedBlock {
    /// The receivers of 2017 drop a connection on a longer line.
    static let lineBytesMax = 16_384
    /// A block grows no further once it has this many bytes, so that a queue moves in small steps.
    static let bytesMax = 1 << 16

    let stream: StreamName
    let bytes: SharedBytes
    let rowCount: Int
    /// Every token with the offset behind its last line, in order.
    let ends: [(token: Int64, offset: Int)]

    var firstToken: Int64 { ends.first?.token ?? 0 }
    var lastToken: Int64 { ends.last?.token ?? 0 }

    /// The offset of the first line of a token higher than `token`.
    func offset(after token: Int64) -> Int {
        ends.last { $0.token <= token }?.offset ?? 0
    }

    /// Encodes rows given in the order of their tokens. A token's rows stay in one block.
    static func encode(
        _ updates: [ReplicationUpdate], stream: StreamName, dialect: Dialect, instance: String?
    ) -> [PublishedBlock] {
        var blocks: [PublishedBlock] = []
        var bytes: [UInt8] = []
        var ends: [(token: Int64, offset: Int)] = []
        var rowCount = 0
        for (index, update) in updates.enumerated() {
            let isLast = index + 1 == updates.count || updates[index + 1].token != update.token
            let token: RowData.Token = isLast ? .number(update.token) : .batch
            append(
                RowData(stream: stream, token: token, row: update.row, instance: instance),
                to: &bytes, dialect: dialect)
            rowCount += 1
            guard isLast else { continue }
            ends.append((update.token, bytes.count))
            guard bytes.count >= bytesMax || index + 1 == updates.count else { continue }
            blocks.append(
                PublishedBlock(
                    stream: stream, bytes: SharedBytes(bytes), rowCount: rowCount, ends: ends))
            bytes.removeAll(keepingCapacity: true)
            ends = []
            rowCount = 0
        }
        return blocks
    }

    /// Appends one line, shortened if an old receiver could not take it and it can be.
    private static func append(_ data: RowData, to bytes: inout [UInt8], dialect: Dialect) {
        let start = bytes.count
        var data = data
        while true {
            ReplicationCommand.rowData(data).write(to: &bytes, dialect: dialect)
            guard bytes.count - start > lineBytesMax, let shorter = data.row.shortened else {
                break
            }
            data.row = shorter
            bytes.removeSubrange(start...)
        }
        bytes.append(UInt8(ascii: "\n"))
    }
}

import Bytes
import JSON

/// What stands around the room sections of an answer.
enum AnswerFrame {
    /// Up to the first section of a joined room.
    static func head(nextBatch: StreamToken) -> [UInt8] {
        Array("{\"next_batch\":\"\(nextBatch)\",\"rooms\":{\"join\":{".utf8)
    }

    /// Between sections.
    static let comma = SharedBytes(",")

    /// After the last section of a joined room, when there is nothing else to tell.
    static let tail = SharedBytes(tail(Rest()))

    /// What else an answer tells.
    struct Rest {
        /// `"!room":{…}` each.
        var invited: [[UInt8]] = []
        var knocked: [[UInt8]] = []
        var left: [[UInt8]] = []
        /// Events' texts.
        var accountData: [[UInt8]] = []

        var isEmpty: Bool {
            invited.isEmpty && knocked.isEmpty && left.isEmpty && accountData.isEmpty
        }
    }

    /// After the last section of a joined room.
    static func tail(_ rest: Rest) -> [UInt8] {
        var bytes = Array("},\"invite\":{".utf8)
        RoomSection.append(rest.invited, to: &bytes)
        bytes.append(contentsOf: Array("},\"knock\":{".utf8))
        RoomSection.append(rest.knocked, to: &bytes)
        bytes.append(contentsOf: Array("},\"leave\":{".utf8))
        RoomSection.append(rest.left, to: &bytes)
        bytes.append(contentsOf: Array("}},\"account_data\":{\"events\":[".utf8))
        RoomSection.append(rest.accountData, to: &bytes)
        bytes.append(contentsOf: Array("]},\"presence\":{\"events\":[]}".utf8))
        bytes.append(contentsOf: Array(",\"to_device\":{\"events\":[]}".utf8))
        bytes.append(contentsOf: Array(",\"device_lists\":{\"changed\":[],\"left\":[]}".utf8))
        bytes.append(contentsOf: Array(",\"device_one_time_keys_count\":{}}".utf8))
        return bytes
    }

    /// An answer that says that there is nothing new.
    static func nothing(nextBatch: StreamToken) -> SyncAnswer {
        SyncAnswer(head(nextBatch: nextBatch) + tail(Rest()))
    }
}

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

    /// What else an answer tells.
    struct Rest {
        /// `"!room":{…}` each.
        var invited: [[UInt8]] = []
        var knocked: [[UInt8]] = []
        var left: [[UInt8]] = []
        /// Events' texts.
        var accountData: [[UInt8]] = []
        var presence: [[UInt8]] = []
        var toDevice: [[UInt8]] = []
        var deviceLists = DeviceListNews()
        /// Nil where nobody knows, which is told by saying nothing.
        var keys: KeyCountsText?

        /// Whether there is nothing that a client would have to be woken for.
        var isEmpty: Bool {
            invited.isEmpty && knocked.isEmpty && left.isEmpty && accountData.isEmpty
                && presence.isEmpty && toDevice.isEmpty && deviceLists.isEmpty
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
        bytes.append(contentsOf: Array("]},\"presence\":{\"events\":[".utf8))
        RoomSection.append(rest.presence, to: &bytes)
        bytes.append(contentsOf: Array("]},\"to_device\":{\"events\":[".utf8))
        RoomSection.append(rest.toDevice, to: &bytes)
        bytes.append(contentsOf: Array("]},\"device_lists\":{\"changed\":[".utf8))
        RoomSection.append(names(rest.deviceLists.changed), to: &bytes)
        bytes.append(contentsOf: Array("],\"left\":[".utf8))
        RoomSection.append(names(rest.deviceLists.left), to: &bytes)
        bytes.append(contentsOf: Array("]}".utf8))
        if let keys = rest.keys { bytes.append(contentsOf: keys.members) }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static func names(_ userIDs: Set<String>) -> [[UInt8]] {
        userIDs.sorted().map { userID in
            var bytes: [UInt8] = []
            bytes.appendJSONString(userID)
            return bytes
        }
    }

    /// An answer that says that there is nothing new.
    static func nothing(nextBatch: StreamToken, _ keys: KeyCountsText?) -> SyncAnswer {
        guard let keys else {
            return SyncAnswer(head(nextBatch: nextBatch) + tail(Rest()))
        }
        return SyncAnswer([SharedBytes(head(nextBatch: nextBatch)), keys.tail])
    }
}

/// How many keys a device has left, as every answer to it says. Most devices have the same, so they share one of these.
final class KeyCountsText {
    /// `,"device_one_time_keys_count":{…},"device_unused_fallback_key_types":[…]`
    let members: [UInt8]
    /// After the last section of a joined room, when there is nothing else to tell.
    private(set) lazy var tail: SharedBytes = {
        var rest = AnswerFrame.Rest()
        rest.keys = self
        return SharedBytes(AnswerFrame.tail(rest))
    }()

    init(_ counts: KeyCounts) {
        var bytes = Array(",\"device_one_time_keys_count\":".utf8)
        counts.oneTimeKeys.write(to: &bytes)
        bytes.append(contentsOf: Array(",\"device_unused_fallback_key_types\":".utf8))
        JSON.array(counts.unusedFallbacks.map { .string($0) }).write(to: &bytes)
        members = bytes
    }
}

import JSON
import Storage

/// The texts of events that are not stored as events.
enum Ephemera {
    /// `m.typing`.
    static func typing(_ userIDs: [String]) -> [UInt8] {
        var bytes = Array(#"{"type":"m.typing","content":{"user_ids":["#.utf8)
        for (index, userID) in userIDs.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.appendJSONString(userID)
        }
        bytes.append(contentsOf: Array("]}}".utf8))
        return bytes
    }

    /// Account data, global or of a room.
    static func accountData(type: String, content: [UInt8]) -> [UInt8] {
        var bytes = Array(#"{"type":"#.utf8)
        bytes.appendJSONString(type)
        bytes.append(contentsOf: Array(#","content":"#.utf8))
        bytes.append(contentsOf: content)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// `m.tag`, from the tags of one room.
    static func tags(_ tags: [SyncPersonalData.Tag]) -> [UInt8] {
        var content = Array(#"{"tags":{"#.utf8)
        var isFirst = true
        for tag in tags {
            guard let name = tag.name else { continue }
            if !isFirst { content.append(UInt8(ascii: ",")) }
            isFirst = false
            content.appendJSONString(name)
            content.append(UInt8(ascii: ":"))
            content.append(contentsOf: tag.content)
        }
        content.append(contentsOf: Array("}}".utf8))
        return accountData(type: "m.tag", content: content)
    }

    /// `m.receipt`, or nil without receipts. They come in the order of their positions: of several that a user
    /// set in one thread the last counts.
    static func receipts(_ receipts: [Receipt]) -> [UInt8]? {
        if receipts.isEmpty { return nil }
        var content = JSON.Object()
        var seen: Set<[String?]> = []
        for receipt in receipts.reversed() {
            guard var data = try? JSON(parsing: receipt.data), data.objectValue != nil else {
                continue  // Broken data in the table concerns nobody.
            }
            if let threadID = receipt.threadID { data["thread_id"] = .string(threadID) }
            let place = [receipt.type, receipt.userID, data["thread_id"]?.stringValue]
            guard seen.insert(place).inserted else { continue }
            var event = content[receipt.eventID] ?? .object([:])
            var ofType = event[receipt.type] ?? .object([:])
            // An event read in several threads has room for one of them: that for the whole room, if there is one.
            if ofType[receipt.userID] == nil || data["thread_id"] == nil {
                ofType[receipt.userID] = data
            }
            event[receipt.type] = ofType
            content[receipt.eventID] = event
        }
        return accountData(type: "m.receipt", content: JSON.object(content).bytes)
    }

    /// A receipt from the table or from a row of the stream, whose data names the thread itself.
    struct Receipt {
        let type: String
        let userID: String
        let eventID: String
        let data: [UInt8]
        let threadID: String?
    }
}

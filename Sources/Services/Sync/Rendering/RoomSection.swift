import JSON

/// The part of an answer that tells of one joined or left room. Both paths write it with this type, so that the
/// same news give the same text.
struct RoomSection {
    var roomID: String
    /// Events' texts, oldest first.
    var timeline: [[UInt8]] = []
    var isLimited = false
    var previousBatch = ""
    /// What the state is called.
    var stateName = SyncStateKind.before.rawValue
    /// The texts of state events.
    var state: [[UInt8]] = []
    /// The texts of account data events.
    var accountData: [[UInt8]] = []
    /// The texts of ephemeral events.
    var ephemeral: [[UInt8]] = []
    var summary: Summary?
    /// What is unread.
    var unread = UnreadText.nothing

    /// Numbers of members, and whom to name the room after.
    struct Summary: Equatable {
        var heroes: [String]
        var joined: Int64
        var invited: Int64
    }

    /// Whether there is anything to tell.
    var isEmpty: Bool {
        timeline.isEmpty && state.isEmpty && accountData.isEmpty && ephemeral.isEmpty
            && summary == nil && !isLimited
    }

    /// Where to page back from when the timeline is empty.
    static func previousBatch(at position: Int64) -> String { "s\(position)" }

    /// Where to page back from when the timeline starts with the event at this place.
    static func previousBatch(topological: Int64, stream: Int64) -> String {
        StreamToken(room: stream - 1, topological: topological).paginationText
    }

    /// Appends `"!room":{…}`.
    func append(to output: inout [UInt8], isLeft: Bool = false) {
        output.appendJSONString(roomID)
        output.append(contentsOf: Array(":{\"timeline\":{\"events\":[".utf8))
        Self.append(timeline, to: &output)
        output.append(contentsOf: Array("],\"prev_batch\":".utf8))
        output.appendJSONString(previousBatch)
        output.append(contentsOf: Array(",\"limited\":\(isLimited)}".utf8))
        output.append(contentsOf: Array(",\"\(stateName)\":{\"events\":[".utf8))
        Self.append(state, to: &output)
        output.append(contentsOf: Array("]},\"account_data\":{\"events\":[".utf8))
        Self.append(accountData, to: &output)
        output.append(contentsOf: Array("]}".utf8))
        if !isLeft { appendLiveParts(to: &output) }
        output.append(UInt8(ascii: "}"))
    }

    private func appendLiveParts(to output: inout [UInt8]) {
        output.append(contentsOf: Array(",\"ephemeral\":{\"events\":[".utf8))
        Self.append(ephemeral, to: &output)
        output.append(contentsOf: Array("]},".utf8))
        unread.append(to: &output)
        output.append(contentsOf: Array(",\"summary\":{".utf8))
        if let summary {
            output.append(contentsOf: Array("\"m.heroes\":[".utf8))
            for (index, hero) in summary.heroes.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                output.appendJSONString(hero)
            }
            output.append(contentsOf: Array("],\"m.joined_member_count\":".utf8))
            output.appendJSONInteger(summary.joined)
            output.append(contentsOf: Array(",\"m.invited_member_count\":".utf8))
            output.appendJSONInteger(summary.invited)
        }
        output.append(UInt8(ascii: "}"))
    }

    static func append(_ texts: [[UInt8]], to output: inout [UInt8]) {
        for (index, text) in texts.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(contentsOf: text)
        }
    }
}

extension StreamToken {
    /// The first field alone, which is all that pagination reads.
    var paginationText: String { topological.map { "t\($0)-\(room)" } ?? "s\(room)" }
}

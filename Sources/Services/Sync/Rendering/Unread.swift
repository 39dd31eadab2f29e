import JSON
import Storage

/// What one user has not read in one room.
struct Unread: Hashable {
    /// How many notifications, and how many of them are highlighted.
    struct Tally: Hashable {
        var notifications: Int32 = 0
        var highlights: Int32 = 0

        var isZero: Bool { notifications == 0 && highlights == 0 }
    }

    /// The thread of everything that is in no thread.
    static let mainThread = "main"

    /// Outside of threads.
    var main = Tally()
    /// In each thread, by its root.
    var threads: [String: Tally] = [:]

    var isZero: Bool { main.isZero && threads.isEmpty }

    /// Everything together.
    var total: Tally {
        threads.values.reduce(into: main) {
            $0.notifications += $1.notifications
            $0.highlights += $1.highlights
        }
    }

    /// Adds what was counted.
    mutating func add(notifications: Int64, highlights: Int64, in thread: String) {
        let added = Tally(
            notifications: Int32(clamping: notifications), highlights: Int32(clamping: highlights))
        if added.isZero { return }
        if thread == Self.mainThread {
            main.notifications += added.notifications
            main.highlights += added.highlights
        } else {
            threads[thread, default: Tally()].notifications += added.notifications
            threads[thread, default: Tally()].highlights += added.highlights
        }
    }

    /// Everything in a thread has been read.
    mutating func clear(_ thread: String) {
        if thread == Self.mainThread { main = Tally() } else { threads[thread] = nil }
    }
}

/// What a client is told of it: with threads apart, if it asks for that.
struct UnreadText: Hashable {
    private let tally: Unread.Tally
    private let threads: [String: Unread.Tally]

    init(_ unread: Unread, showsThreads: Bool) {
        tally = showsThreads ? unread.main : unread.total
        threads = showsThreads ? unread.threads : [:]
    }

    /// Nothing is unread.
    static let nothing = UnreadText(Unread(), showsThreads: false)

    /// Appends `"unread_notifications":{…}`, and `,"unread_thread_notifications":{…}` if there are any.
    func append(to output: inout [UInt8]) {
        output.append(contentsOf: Array("\"unread_notifications\":".utf8))
        Self.append(tally, to: &output)
        guard !threads.isEmpty else { return }
        output.append(contentsOf: Array(",\"unread_thread_notifications\":{".utf8))
        for (index, thread) in threads.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.appendJSONString(thread.key)
            output.append(UInt8(ascii: ":"))
            Self.append(thread.value, to: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    private static func append(_ tally: Unread.Tally, to output: inout [UInt8]) {
        output.append(contentsOf: Array("{\"highlight_count\":".utf8))
        output.appendJSONInteger(Int64(tally.highlights))
        output.append(contentsOf: Array(",\"notification_count\":".utf8))
        output.appendJSONInteger(Int64(tally.notifications))
        output.append(UInt8(ascii: "}"))
    }
}

extension [UnreadCounts.Count] {
    /// The counts by room and user; whoever has read everything is left out.
    func byRoomAndUser() -> [String: [String: Unread]] {
        var unread: [String: [String: Unread]] = [:]
        for count in self {
            unread[count.roomID, default: [:]][count.userID, default: Unread()].add(
                notifications: count.notifications, highlights: count.highlights,
                in: count.threadID)
        }
        return unread
    }
}

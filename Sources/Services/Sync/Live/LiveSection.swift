import Bytes
import Matrix
import Storage

/// What happened in one room, rendered once for all who wait for it.
final class LiveSection {
    struct LiveEvent {
        let text: [UInt8]
        let sender: String
        let isState: Bool
        let transaction: SyncEvent.Transaction?
    }

    let roomID: String
    /// The room, if somebody here has joined it.
    var room: TrackedRoom?
    var events: [LiveEvent] = []
    /// False when the room's new events were not read, so that this section cannot serve.
    var isComplete = true
    /// Rows told of events, whether or not any of them may be shown.
    var hasEventRows = false
    /// Rows told of receipts.
    var hasReceiptRows = false
    var typing: [String]?
    var receipts: [Ephemera.Receipt] = []
    var summary: SyncRoomState.Summary?
    private var base: RoomSection?
    private var texts: [UnreadText: SharedBytes] = [:]
    /// The whole answers for clients for whom nothing else happened, by what is different in them.
    var answers: [SoleAnswer: SyncAnswer] = [:]

    /// What may be different in answers that tell of this room alone.
    struct SoleAnswer: Hashable {
        /// How many keys the device has left.
        let keys: ObjectIdentifier
        let unread: UnreadText
    }

    init(roomID: String) {
        self.roomID = roomID
    }

    var isEmpty: Bool { events.isEmpty && typing == nil && receipts.isEmpty }

    /// Fixes the parts that all versions of the section share.
    func assemble(previousBatch: String) {
        var section = RoomSection(roomID: roomID)
        section.previousBatch = previousBatch
        section.timeline = events.map(\.text)
        if let typing { section.ephemeral.append(Ephemera.typing(typing)) }
        if let receipts = Ephemera.receipts(receipts) { section.ephemeral.append(receipts) }
        section.summary = summary.map { RoomSection.Summary($0, for: "") }
        base = section
    }

    /// Whether this client sees the section differently from others.
    func isPersonal(to request: SyncRequest) -> Bool {
        if summary?.first.contains(request.userID) == true { return true }
        return events.contains { Self.owns($0.transaction, request) }
    }

    /// Whether one of the messages is from somebody in the set.
    func hasMessage(from senders: Set<String>) -> Bool {
        events.contains { !$0.isState && senders.contains($0.sender) }
    }

    /// The text that all others see who have as much unread.
    func shared(_ unread: UnreadText) -> SharedBytes {
        if let text = texts[unread] { return text }
        var bytes: [UInt8] = []
        base?.unread = unread
        base?.append(to: &bytes)
        let shared = SharedBytes(bytes)
        texts[unread] = shared
        return shared
    }

    /// The text that one client sees: with its own transaction ids, and without itself among the heroes.
    func personal(to request: SyncRequest, _ unread: UnreadText) -> SharedBytes {
        guard var section = base else { return shared(unread) }
        section.unread = unread
        section.timeline = events.map { event in
            guard let transaction = event.transaction, Self.owns(transaction, request) else {
                return event.text
            }
            return ClientEvent.adding(transactionID: transaction.id, to: event.text)
        }
        section.summary = summary.map { RoomSection.Summary($0, for: request.userID) }
        var bytes: [UInt8] = []
        section.append(to: &bytes)
        return SharedBytes(bytes)
    }

    private static func owns(
        _ transaction: SyncEvent.Transaction?, _ request: SyncRequest
    ) -> Bool {
        guard let transaction else { return false }
        return transaction.userID == request.userID && transaction.deviceID == request.deviceID
    }
}

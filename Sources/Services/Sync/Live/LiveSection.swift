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
    private var sharedBytes: SharedBytes?
    /// The whole answers for clients for whom nothing else happened, by how many keys they have left.
    var answers: [ObjectIdentifier: SyncAnswer] = [:]

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

    /// The text that all others see.
    var shared: SharedBytes {
        if let sharedBytes { return sharedBytes }
        var bytes: [UInt8] = []
        base?.append(to: &bytes)
        let shared = SharedBytes(bytes)
        sharedBytes = shared
        return shared
    }

    /// The text that one client sees: with its own transaction ids, and without itself among the heroes.
    func personal(to request: SyncRequest) -> SharedBytes {
        guard var section = base else { return shared }
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

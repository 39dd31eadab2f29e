import Bytes
import Matrix
import Storage

/// What happened in one room, rendered once for all who wait for it.
final class LiveSection {
    struct LiveEvent {
        let text: [UInt8]
        let event: SyncEvent

        var isState: Bool { event.stateKey != nil }
    }

    /// How one client sees the section, apart from what is its own alone.
    struct Variant: Hashable {
        /// Which of ``LiveSection/members`` are told.
        var members: [Int] = []
        var stateKind = SyncStateKind.before
        /// What the user has not read.
        var unread: UnreadText
    }

    /// An answer that is the same for all with so many keys who see the section in the same way.
    struct AnswerKey: Hashable {
        let keys: ObjectIdentifier
        let variant: Variant
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
    /// The members who speak, and those after whom the room may be named, as they were before; nil if they were not
    /// read.
    var members: [SyncEvent]?
    /// Those of them who speak.
    var speakers: Set<String> = []
    private var memberTexts: [Int: [UInt8]] = [:]
    private var base: RoomSection?
    private var shared: [Variant: SharedBytes] = [:]
    /// The whole answers for clients for whom nothing else happened.
    var answers: [AnswerKey: SyncAnswer] = [:]
    private var time: Int64 = 0

    init(roomID: String) {
        self.roomID = roomID
    }

    var isEmpty: Bool { events.isEmpty && typing == nil && receipts.isEmpty }

    /// Whether the state changed.
    var hasState: Bool { events.contains(where: \.isState) }

    /// Fixes the parts that all versions of the section share.
    func assemble(previousBatch: String, now: Int64) {
        var section = RoomSection(roomID: roomID)
        section.previousBatch = previousBatch
        section.timeline = events.map(\.text)
        if let typing { section.ephemeral.append(Ephemera.typing(typing)) }
        if let receipts = Ephemera.receipts(receipts) { section.ephemeral.append(receipts) }
        section.summary = summary.map { RoomSection.Summary($0, for: "") }
        base = section
        time = now
    }

    /// Whether this client sees the section differently from others.
    func isPersonal(to request: SyncRequest) -> Bool {
        if let summary {
            let named = summary.first + summary.gone
            if named.contains(request.userID) { return true }
        }
        return events.contains { Self.owns($0.event.transaction, request) }
    }

    /// Whether one of the messages is from somebody in the set.
    func hasMessage(from senders: Set<String>) -> Bool {
        events.contains { !$0.isState && senders.contains($0.event.sender) }
    }

    /// How a client sees the section; nil if that has to be found out otherwise.
    func variant(
        for request: SyncRequest, of user: TrackedUser, told: ToldMembers?
    ) -> Variant? {
        guard let unread = room?.unread[ObjectIdentifier(user)] else { return nil }
        var variant = Variant(
            stateKind: request.stateKind,
            unread: UnreadText(unread, showsThreads: request.filter.showsUnreadThreads))
        guard request.filter.lazyLoadsMembers || request.stateKind != .before else {
            return variant
        }
        // State after the timeline is not what the timeline shows of it.
        if request.stateKind != .before, hasState { return nil }
        guard request.filter.lazyLoadsMembers, !events.isEmpty else { return variant }
        guard let members else { return nil }
        let heroes = summary.map { RoomSection.Summary($0, for: request.userID).heroes } ?? []
        for (index, member) in members.enumerated() {
            let user = member.stateKey ?? ""
            guard speakers.contains(user) || heroes.contains(user) else { continue }
            if told?.knows(member.eventID) != true { variant.members.append(index) }
        }
        return variant
    }

    /// The member events that a variant tells of.
    func membersTold(_ variant: Variant) -> [String] {
        variant.members.compactMap { members?[$0].eventID }
            + events.filter(\.event.isMember).map(\.event.eventID)
    }

    /// The text that all see who see the section in this way.
    func shared(_ variant: Variant) -> SharedBytes {
        if let bytes = shared[variant] { return bytes }
        var bytes: [UInt8] = []
        section(variant)?.append(to: &bytes)
        let text = SharedBytes(bytes)
        shared[variant] = text
        return text
    }

    private func section(_ variant: Variant) -> RoomSection? {
        var section = base
        section?.unread = variant.unread
        section?.stateName = variant.stateKind.rawValue
        section?.state = variant.members.compactMap(memberText)
        return section
    }

    private func memberText(_ index: Int) -> [UInt8]? {
        if let text = memberTexts[index] { return text }
        guard let member = members?[index], let text = SyncEventText.render(member, now: time)
        else { return nil }
        memberTexts[index] = text
        return text
    }

    /// The text that one client sees: with its own transaction ids, and without itself among the heroes.
    func personal(to request: SyncRequest, _ variant: Variant) -> SharedBytes {
        guard var section = section(variant) else { return shared(variant) }
        section.timeline = events.map { event in
            guard let transaction = event.event.transaction, Self.owns(transaction, request) else {
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

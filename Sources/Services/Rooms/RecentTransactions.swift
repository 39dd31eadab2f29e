import Storage

/// The requests by which devices sent events lately, so that one which is repeated at once finds the event of the
/// first. Lives on one loop, bounded; what it has forgotten is in the database.
final class RecentTransactions {
    private struct Key: Hashable {
        let transaction: NewEvent.Transaction
        let roomID: String
    }

    private let countMax: Int
    // Two generations: what came since the last turn, and what came before it.
    private var young: [Key: String] = [:]
    private var old: [Key: String] = [:]

    init(countMax: Int = 8_000) { self.countMax = countMax }

    func insert(_ transaction: NewEvent.Transaction, in roomID: String, eventID: String) {
        if young.count >= countMax / 2 {
            old = young
            young = [:]
        }
        young[Key(transaction: transaction, roomID: roomID)] = eventID
    }

    func eventID(of transaction: NewEvent.Transaction, in roomID: String) -> String? {
        let key = Key(transaction: transaction, roomID: roomID)
        return young[key] ?? old[key]
    }
}

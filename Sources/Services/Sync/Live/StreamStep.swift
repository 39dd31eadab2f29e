import ReplicationWire

/// The rows that arrived while the ones before were being delivered. They are delivered together.
struct StreamStep {
    /// Where the process stood before the rows.
    let start: StreamToken
    /// Where the process stands after the rows.
    var position: StreamToken
    var events: [EventStreamRow] = []
    var receipts: [ReceiptStreamRow] = []
    /// Who types in each room that changed, with the serial of the last change.
    var typing: [String: (userIDs: [String], serial: Int64)] = [:]
    /// The main process has started again: all that was known of typing is void.
    var typingWasReset = false
    var accountData: [AccountDataChange] = []
    /// Whose devices have got messages.
    var toDevice: Set<String> = []
    /// Whose push rules changed.
    var pushRules: Set<String> = []
    /// Whether somebody's devices or keys changed.
    var hasDeviceLists = false
    /// The latest presence of each user of whom it changed.
    var presence: [String: PresenceStreamRow] = [:]
    /// Rows are missing: nobody can tell whom they concerned.
    var hasGap = false
    /// Whether anything arrived, if only a position.
    var hasMoved = false

    /// Somebody's account data or tags changed.
    struct AccountDataChange {
        let userID: String
        /// Nil for tags.
        let type: String?
        let token: Int64
    }

    // Account data and tags share a sequence, but each stream has its own tokens on the wire.
    private var accountDataToken: Int64
    private var tagToken: Int64

    init(position: StreamToken = StreamToken()) {
        start = position
        self.position = position
        accountDataToken = position.accountData
        tagToken = position.accountData
    }

    /// An empty step that comes after another.
    init(after other: StreamStep) {
        self.init(position: other.position)
        accountDataToken = other.accountDataToken
        tagToken = other.tagToken
    }

    /// Adds rows; those that are here already are left out. Whether anything is new.
    mutating func add(_ batch: StreamBatch) -> Bool {
        let isNew = take(batch)
        if isNew, batch.skipsRows { hasGap = true }
        return isNew
    }

    private mutating func take(_ batch: StreamBatch) -> Bool {
        switch batch.stream {
        case .typing: return addTyping(batch)
        case .events: return addEvents(batch)
        case .receipts:
            guard advance(\.receipt, to: batch.token) else { return false }
            for case .receipt(let row) in batch.rows { receipts.append(row) }
            return true
        case .accountData, .tagAccountData: return addAccountData(batch)
        case .presence:
            guard advance(\.presence, to: batch.token) else { return false }
            for case .presence(let row) in batch.rows { presence[row.userID] = row }
            return true
        case .pushRules:
            guard advance(\.pushRules, to: batch.token) else { return false }
            for case .pushRules(let row) in batch.rows { pushRules.insert(row.userID) }
            return true
        case .toDevice:
            guard advance(\.toDevice, to: batch.token) else { return false }
            for case .toDevice(let row) in batch.rows { toDevice.insert(row.entity) }
            return true
        case .deviceLists:
            guard advance(\.deviceList, to: batch.token) else { return false }
            if !batch.rows.isEmpty { hasDeviceLists = true }
            return true
        default: return false
        }
    }

    private mutating func advance(
        _ field: WritableKeyPath<StreamToken, Int64>, to token: Int64
    ) -> Bool {
        guard token > position[keyPath: field] else { return false }
        position[keyPath: field] = token
        hasMoved = true
        return true
    }

    private mutating func addEvents(_ batch: StreamBatch) -> Bool {
        guard advance(\.room, to: batch.token) else { return false }
        for case .event(let row) in batch.rows where !row.isRejected && !row.isOutlier {
            events.append(row)
        }
        return true
    }

    private mutating func addTyping(_ batch: StreamBatch) -> Bool {
        if batch.token < position.typing {
            typingWasReset = true
            typing.removeAll()
        }
        guard batch.token != position.typing || !batch.rows.isEmpty else { return false }
        position.typing = batch.token
        hasMoved = true
        for case .typing(let row) in batch.rows {
            typing[row.roomID] = (row.userIDs, batch.token)
        }
        return true
    }

    private mutating func addAccountData(_ batch: StreamBatch) -> Bool {
        let isTags = batch.stream == .tagAccountData
        guard batch.token > (isTags ? tagToken : accountDataToken) else { return false }
        if isTags { tagToken = batch.token } else { accountDataToken = batch.token }
        position.accountData = max(position.accountData, batch.token)
        hasMoved = true
        for row in batch.rows {
            switch row {
            case .accountData(let row):
                accountData.append(
                    AccountDataChange(userID: row.userID, type: row.type, token: batch.token))
            case .tagAccountData(let row):
                accountData.append(
                    AccountDataChange(userID: row.userID, type: nil, token: batch.token))
            default: break
            }
        }
        return true
    }
}

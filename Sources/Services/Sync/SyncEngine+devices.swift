import Postgres
import Reactor
import ReplicationWire
import Storage

/// A device of a user.
struct DeviceKey: Hashable {
    let userID: String
    let deviceID: String
}

extension SyncEngine {
    // MARK: Keys that devices have left

    /// How many keys the asking device has left, if that is known.
    func keys(of request: SyncRequest, _ user: TrackedUser) -> KeyCountsText? {
        guard let deviceID = request.deviceID else { return text(of: KeyCounts()) }
        return user.keys[deviceID]
    }

    /// Notes what was read of a device, unless that was overtaken.
    func note(_ counts: KeyCounts, of request: SyncRequest, generation: Int) -> KeyCountsText {
        let text = text(of: counts)
        if let deviceID = request.deviceID, generation == keyGeneration,
            let user = users[request.userID]
        {
            user.keys[deviceID] = text
        }
        return text
    }

    private func text(of counts: KeyCounts) -> KeyCountsText {
        if let text = keyTexts[counts] { return text }
        // There are few different ones; a client that makes up algorithms is no reason to keep them.
        if keyTexts.count >= 1000 { keyTexts.removeAll() }
        let text = KeyCountsText(counts)
        keyTexts[counts] = text
        return text
    }

    /// Rows of `caches` tell that a device's keys changed in number.
    func forgetKeyCounts(_ batch: StreamBatch) {
        if batch.skipsRows {
            keyGeneration += 1
            for user in users.values { user.keys.removeAll() }
        }
        for case .cache(let row) in batch.rows
        where row.cache == EncryptionService.countCache
            || row.cache == EncryptionService.fallbackCache
        {
            keyGeneration += 1
            guard let keys = row.keys, keys.count == 2 else {
                for user in users.values { user.keys.removeAll() }
                continue
            }
            users[keys[0]]?.keys[keys[1]] = nil
        }
    }

    // MARK: Messages that were delivered

    /// Notes up to where a device was sent messages.
    func sent(upTo position: Int64, to request: SyncRequest) {
        guard let deviceID = request.deviceID else { return }
        // Whatever is forgotten here is deleted when the device's next messages are read.
        if sentToDevices.count >= 100_000 { sentToDevices.removeAll() }
        sentToDevices[DeviceKey(userID: request.userID, deviceID: deviceID)] = position
    }

    /// Deletes the messages that a device has received: its token says so.
    func acknowledge(_ request: SyncRequest, on loop: isolated EventLoop) {
        guard !sentToDevices.isEmpty, let since = request.since, let deviceID = request.deviceID
        else { return }
        let key = DeviceKey(userID: request.userID, deviceID: deviceID)
        guard let position = sentToDevices[key], since.toDevice >= position else { return }
        sentToDevices[key] = nil
        metrics.queries += 1
        loop.spawn {
            let (statement, parameters) = DeviceInbox.deleting(
                userID: key.userID, deviceID: key.deviceID, upTo: position)
            // If this fails they are deleted when the device's next messages are read.
            _ = try? await self.pool.query(statement, parameters, on: loop)
        }
    }
}

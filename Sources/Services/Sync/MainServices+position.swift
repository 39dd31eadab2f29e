import ReplicationWire

extension MainServices {
    /// Where all streams stand, as /sync counts.
    public var position: StreamToken {
        var token = StreamToken(room: streams.position(of: .events))
        token.presence = streams.position(of: .presence)
        token.typing = streams.position(of: .typing)
        token.receipt = streams.position(of: .receipts)
        token.accountData = max(
            streams.position(of: .accountData), streams.position(of: .tagAccountData))
        token.pushRules = streams.position(of: .pushRules)
        token.toDevice = streams.position(of: .toDevice)
        token.deviceList = streams.position(of: .deviceLists)
        return token
    }
}

import JSON

extension ReplicationRow {
    /// Appends the row's JSON as a row of `stream`.
    public func write(
        to output: inout [UInt8], stream: StreamName, dialect: Dialect = .classic
    ) {
        if case .other(let value) = self {
            value.write(to: &output, style: RowWriter.style)
            return
        }
        // In the named dialect the events stream has two kinds of row and says which.
        let tag: String? =
            switch (self, stream, dialect) {
            case (.event, .events, .named): "ev"
            case (.state, .events, .named): "state"
            default: nil
            }
        RowWriter.append(to: &output) { writer in
            if let tag {
                writer.string(tag)
                writer.openColumn()
            }
            write(to: &writer, dialect: dialect)
            if tag != nil { writer.close() }
        }
    }

    private func write(to writer: inout RowWriter, dialect: Dialect) {
        switch self {
        case .event(let row): row.write(to: &writer, dialect: dialect)
        case .state(let row): row.write(to: &writer, dialect: dialect)
        case .presence(let row): row.write(to: &writer, dialect: dialect)
        case .typing(let row): row.write(to: &writer, dialect: dialect)
        case .receipt(let row): row.write(to: &writer, dialect: dialect)
        case .pushRules(let row): row.write(to: &writer, dialect: dialect)
        case .pusher(let row): row.write(to: &writer, dialect: dialect)
        case .cache(let row): row.write(to: &writer, dialect: dialect)
        case .publicRoom(let row): row.write(to: &writer, dialect: dialect)
        case .deviceList(let row): row.write(to: &writer, dialect: dialect)
        case .toDevice(let row): row.write(to: &writer, dialect: dialect)
        case .federation(let row): row.write(to: &writer, dialect: dialect)
        case .tagAccountData(let row): row.write(to: &writer, dialect: dialect)
        case .accountData(let row): row.write(to: &writer, dialect: dialect)
        case .other(let value): writer.json(value)
        }
    }

    /// The row without what a receiver can read from the database or do without, for receivers
    /// that cannot take a long line; nil if nothing can be left out.
    public var shortened: ReplicationRow? {
        switch self {
        case .accountData(var row):
            guard row.data != nil else { return nil }
            row.data = nil
            return .accountData(row)
        case .tagAccountData(var row):
            guard row.data != nil else { return nil }
            row.data = nil
            return .tagAccountData(row)
        case .receipt(var row):
            guard row.data != nil else { return nil }
            row.data = nil
            return .receipt(row)
        case .presence(var row):
            guard row.statusMessage != nil else { return nil }
            row.statusMessage = nil
            return .presence(row)
        case .cache(var row):
            // Invalidating the whole cache is dearer, and right.
            guard row.keys != nil else { return nil }
            row.keys = nil
            return .cache(row)
        case .typing(var row):
            guard row.userIDs.count > 1 else { return nil }
            row.userIDs.removeLast(row.userIDs.count / 2)
            return .typing(row)
        case .event, .state, .pushRules, .pusher, .publicRoom, .deviceList, .toDevice,
            .federation, .other:
            return nil
        }
    }
}

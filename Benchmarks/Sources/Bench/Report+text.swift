import Foundation

extension Report {
    /// Markdown whose columns stand under each other.
    var text: String {
        let head = "# \(suite.title)\n\n\(machine)\n\n\(conditions)\n"
        let goals = suite.goals.compactMap { $0.row(in: self) }
        let goalTable =
            goals.isEmpty
            ? "" : "\n## Goals\n\n" + Table(["goal", "wanted", "found", ""], goals).text
        let profileText = profiles.map { "\n## Where the time goes: \($0.title)\n\n\($0.text)" }
        return head + sections.map { text(of: $0) }.joined() + goalTable + profileText.joined()
    }

    private func text(of section: Section) -> String {
        let units = Dictionary(
            uniqueKeysWithValues: section.samples.metrics.map { ($0.name, $0.unit) })
        let columns = section.scenario.columns.filter { units[$0] != nil }
        let rows = section.samples.subjects.compactMap { subject -> [String]? in
            let cells = columns.map { section.samples.figure($0, of: subject)?.text ?? "–" }
            return cells.allSatisfy { $0 == "–" } ? nil : [subject] + cells
        }
        let notes = section.obstacles.sorted { $0.key < $1.key }
            .map { "\nNot measured: \($0.key): \($0.value)\n" }.joined()
        let table = Table(["subject"] + columns.map { "\($0), \(units[$0] ?? "")" }, rows)
        return "\n## \(section.scenario.title)\n\n\(rows.isEmpty ? "" : table.text)\(notes)"
    }
}

extension Figure {
    var text: String {
        runs == 1 ? median.brief : "\(median.brief) (\(min.brief)–\(max.brief))"
    }
}

extension Double {
    /// Three digits or so, without an exponent; what is not 0 does not look like it.
    var brief: String {
        switch abs(self) {
        case 0: return "0"
        case ..<0.01: return String(format: "%.5f", self)
        case 1000...:
            var digits = String(format: "%.0f", self)
            var index = digits.count - 3
            while index > (self < 0 ? 1 : 0) {
                digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
                index -= 3
            }
            return digits
        case 100...: return String(format: "%.0f", self)
        case 10...: return String(format: "%.1f", self)
        default: return String(format: "%.2f", self)
        }
    }
}

/// Rows of text as a Markdown table; the first column to the left, the others to the right.
struct Table {
    let head: [String]
    let rows: [[String]]

    init(_ head: [String], _ rows: [[String]]) {
        self.head = head
        self.rows = rows
    }

    var text: String {
        let widths = head.indices.map { column in
            ([head] + rows).map { $0[column].count }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            let padded = zip(cells, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + space : space + cell.0
            }
            return "| " + padded.joined(separator: " | ") + " |\n"
        }
        let rule = widths.enumerated().map { column, width in
            column == 0
                ? String(repeating: "-", count: width)
                : String(repeating: "-", count: max(1, width - 1)) + ":"
        }
        return line(head) + line(rule) + rows.map(line).joined()
    }
}

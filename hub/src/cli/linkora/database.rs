//! The database of Linkora's own server: seven tables, read as the hub's importer wants them, and
//! written so that the original can be started on it.

use std::path::Path;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde_json::{Map, Value as Json, json};

use super::Rows;
use crate::cli::Failure;

/// How a column's value is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Truth,
}

/// One table: its name there, its name here, and its columns: there, here, kind.
struct Table {
    there: &'static str,
    here: &'static str,
    columns: &'static [(&'static str, &'static str, Kind)],
    make: &'static str,
}

use Kind::{Plain, Truth};

const TABLES: [Table; 7] = [
    Table {
        there: "folders_table",
        here: "folders",
        columns: &[
            ("id", "id", Plain),
            ("last_modified", "eventTimestamp", Plain),
            ("folder_name", "name", Plain),
            ("note", "note", Plain),
            ("parent_folder_id", "parentFolderId", Plain),
            ("is_folder_archived", "isArchived", Truth),
        ],
        make: "CREATE TABLE folders_table (id INTEGER PRIMARY KEY AUTOINCREMENT, \
               last_modified BIGINT NOT NULL, folder_name TEXT NOT NULL, note TEXT NOT NULL, \
               parent_folder_id BIGINT NULL, is_folder_archived BOOLEAN DEFAULT 0 NOT NULL)",
    },
    Table {
        there: "tags",
        here: "tags",
        columns: &[
            ("id", "id", Plain),
            ("last_modified", "eventTimestamp", Plain),
            ("name", "name", Plain),
        ],
        make: "CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, \
               last_modified BIGINT NOT NULL, name TEXT NOT NULL)",
    },
    Table {
        there: "panels",
        here: "panels",
        columns: &[
            ("id", "panelId", Plain),
            ("panel_name", "panelName", Plain),
            ("last_modified", "eventTimestamp", Plain),
        ],
        make: "CREATE TABLE panels (id INTEGER PRIMARY KEY AUTOINCREMENT, \
               panel_name TEXT NOT NULL, last_modified BIGINT NOT NULL)",
    },
    Table {
        there: "links_table",
        here: "links",
        columns: &[
            ("id", "id", Plain),
            ("last_modified", "eventTimestamp", Plain),
            ("link_type", "linkType", Plain),
            ("link_title", "title", Plain),
            ("url", "url", Plain),
            ("base_url", "baseURL", Plain),
            ("img_url", "imgURL", Plain),
            ("note", "note", Plain),
            ("id_of_linked_folder", "idOfLinkedFolder", Plain),
            ("user_agent", "userAgent", Plain),
            ("media_type", "mediaType", Plain),
            ("marked_as_important", "markedAsImportant", Truth),
        ],
        make: "CREATE TABLE links_table (id INTEGER PRIMARY KEY AUTOINCREMENT, \
               last_modified BIGINT NOT NULL, link_type TEXT NOT NULL, link_title TEXT NOT NULL, \
               url TEXT NOT NULL, base_url TEXT NOT NULL, img_url TEXT NOT NULL, \
               note TEXT NOT NULL, id_of_linked_folder BIGINT NULL, user_agent TEXT NULL, \
               media_type TEXT NOT NULL, marked_as_important BOOLEAN NOT NULL)",
    },
    Table {
        there: "link_tags",
        here: "linkTags",
        columns: &[
            ("linkId", "linkId", Plain),
            ("tagId", "tagId", Plain),
            ("last_modified", "eventTimestamp", Plain),
        ],
        make: "CREATE TABLE link_tags (\
               linkId BIGINT NOT NULL REFERENCES links_table(id) ON DELETE CASCADE, \
               tagId BIGINT NOT NULL REFERENCES tags(id) ON DELETE CASCADE, \
               last_modified BIGINT NOT NULL, PRIMARY KEY (linkId, tagId))",
    },
    Table {
        there: "panel_folders",
        here: "panelFolders",
        columns: &[
            ("id", "id", Plain),
            ("folder_id", "folderId", Plain),
            ("folder_name", "folderName", Plain),
            ("panel_position", "panelPosition", Plain),
            ("connected_panel_id", "connectedPanelId", Plain),
            ("last_modified", "eventTimestamp", Plain),
        ],
        make: "CREATE TABLE panel_folders (id INTEGER PRIMARY KEY AUTOINCREMENT, \
               folder_id BIGINT NOT NULL, panel_position BIGINT NOT NULL, \
               folder_name TEXT NOT NULL, connected_panel_id BIGINT NOT NULL, \
               last_modified BIGINT NOT NULL)",
    },
    Table {
        there: "tombstone",
        here: "tombstones",
        columns: &[
            ("deleted_at", "deletedAt", Plain),
            ("operation", "operation", Plain),
            ("payload", "payload", Plain),
        ],
        make: "CREATE TABLE tombstone (id INTEGER PRIMARY KEY AUTOINCREMENT, \
               deleted_at BIGINT NOT NULL, operation TEXT NOT NULL, payload TEXT NOT NULL)",
    },
];

/// The tables whose ids count, in the importer's order.
const COUNTED: [&str; 5] = ["folders_table", "links_table", "tags", "panels", "panel_folders"];

/// Reads a database.
pub(super) fn read(file: &Path) -> Result<Rows, Failure> {
    let problem = |error: rusqlite::Error| {
        Failure::Failed(format!("{} cannot be read: {error}", file.display()))
    };
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.map_err(problem)?;
    let mut rows = Rows::default();
    for table in &TABLES {
        // Servers before 0.2 had no tags.
        if has_table(&database, table.there).map_err(problem)? {
            let all = read_table(&database, table).map_err(problem)?;
            rows.tables.push((table.here, all));
        }
    }
    rows.ids = last_ids(&database, &rows).map_err(problem)?;
    Ok(rows)
}

fn has_table(database: &Connection, name: &str) -> rusqlite::Result<bool> {
    let ask = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    database.query_row(ask, [name], |row| row.get(0))
}

fn read_table(database: &Connection, table: &Table) -> rusqlite::Result<Vec<Json>> {
    let columns: Vec<&str> = table.columns.iter().map(|(there, ..)| *there).collect();
    let order = if table.there == "link_tags" { "linkId, tagId" } else { "id" };
    let ask = format!("SELECT {} FROM {} ORDER BY {order}", columns.join(", "), table.there);
    let mut statement = database.prepare(&ask)?;
    let rows = statement.query_map([], |row| {
        let mut object = Map::new();
        for (at, (_, here, kind)) in table.columns.iter().enumerate() {
            object.insert((*here).to_owned(), json_of(row.get(at)?, *kind));
        }
        Ok(Json::Object(object))
    })?;
    rows.collect()
}

fn json_of(cell: Cell, kind: Kind) -> Json {
    match (cell, kind) {
        (Cell::Integer(number), Truth) => json!(number != 0),
        (Cell::Text(text), Truth) => json!(text.eq_ignore_ascii_case("true") || text == "1"),
        (Cell::Integer(number), Plain) => json!(number),
        (Cell::Real(number), _) => json!(number),
        (Cell::Text(text), Plain) => json!(text),
        (Cell::Blob(bytes), _) => json!(String::from_utf8_lossy(&bytes)),
        (Cell::Null, _) => Json::Null,
    }
}

/// The greatest ids ever given: those of rows, those that SQLite remembers, and those that stand in
/// deletions.
fn last_ids(database: &Connection, rows: &Rows) -> rusqlite::Result<[i64; 5]> {
    let mut ids = [0; 5];
    let remembers = has_table(database, "sqlite_sequence")?;
    for (id, table) in ids.iter_mut().zip(COUNTED) {
        if has_table(database, table)? {
            let ask = format!("SELECT coalesce(max(id), 0) FROM {table}");
            *id = database.query_row(&ask, [], |row| row.get(0))?;
        }
        if remembers {
            let ask = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
            *id = (*id).max(database.query_row(ask, [table], |row| row.get(0))?);
        }
    }
    let deletions = rows.tables.iter().filter(|(name, _)| *name == "tombstones");
    deletions.flat_map(|(_, rows)| rows).for_each(|row| count_deleted(row, &mut ids));
    Ok(ids)
}

fn count_deleted(tombstone: &Json, ids: &mut [i64; 5]) {
    let payload = tombstone["payload"].as_str().unwrap_or_default();
    let Ok(payload) = serde_json::from_str::<Json>(payload) else { return };
    let one = |field: &str| payload[field].as_i64().into_iter().collect::<Vec<_>>();
    let many = |field: &str| {
        let all = payload[field].as_array().into_iter().flatten();
        all.filter_map(Json::as_i64).collect::<Vec<_>>()
    };
    let (folders, links) = (many("folderIds"), many("linkIds"));
    let found: &[(usize, Vec<i64>)] = &match tombstone["operation"].as_str().unwrap_or_default() {
        "DELETE_FOLDER" | "DELETE_A_FOLDER_FROM_ALL_PANELS" => vec![(0, one("id"))],
        "DELETE_A_LINK" => vec![(1, one("id"))],
        "DELETE_TAG" => vec![(2, one("id"))],
        "DELETE_A_PANEL" => vec![(3, one("id"))],
        "DELETE_DUPLICATE_LINKS" | "DELETE_MULTIPLE_ITEMS" => vec![(0, folders), (1, links)],
        _ => Vec::new(),
    };
    for (table, found) in found {
        ids[*table] = found.iter().copied().fold(ids[*table], i64::max);
    }
}

/// Writes a database that is not there yet; gives the number of its rows.
pub(super) fn write(file: &Path, all: &Json) -> Result<usize, Failure> {
    if file.exists() {
        return Err(Failure::Failed(format!("{} is there already", file.display())));
    }
    let problem = |error: rusqlite::Error| {
        Failure::Failed(format!("{} cannot be written: {error}", file.display()))
    };
    write_all(file, all).map_err(problem)
}

fn write_all(file: &Path, all: &Json) -> rusqlite::Result<usize> {
    let mut database = Connection::open(file)?;
    let transaction = database.transaction()?;
    let mut count = 0;
    for table in &TABLES {
        transaction.execute(table.make, [])?;
        let columns: Vec<&str> = table.columns.iter().map(|(there, ..)| *there).collect();
        let marks: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let (columns, marks) = (columns.join(", "), marks.join(", "));
        let put = format!("INSERT INTO {} ({columns}) VALUES ({marks})", table.there);
        let mut put = transaction.prepare(&put)?;
        for row in all[table.here].as_array().into_iter().flatten() {
            let cells = table.columns.iter().map(|(_, here, _)| cell_of(&row[*here]));
            count += put.execute(params_from_iter(cells))?;
        }
    }
    let ids = all["ids"].as_array().cloned().unwrap_or_default();
    for (table, id) in COUNTED.iter().zip(ids) {
        let gone = "DELETE FROM sqlite_sequence WHERE name = ?1";
        transaction.execute(gone, [table])?;
        let put = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
        transaction.execute(put, (table, id.as_i64().unwrap_or_default()))?;
    }
    transaction.commit()?;
    Ok(count)
}

fn cell_of(json: &Json) -> Cell {
    match json {
        Json::Null => Cell::Null,
        Json::Bool(truth) => Cell::Integer(i64::from(*truth)),
        Json::Number(number) => Cell::Integer(number.as_i64().unwrap_or_default()),
        Json::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

//! SQLite's log written in few large pieces.
//!
//! SQLite hands every page of a commit to the file system in two writes, a head of 24 bytes and the page: a hundred system calls
//! where 25 executions share a commit, and each of them has the kernel go through all blocks of a piece of its cache. Here they are
//! kept until they are due: before anything else is done with the file, reading it among them, before it is synced, and when there
//! are enough.
//!
//! Nothing is lost by that. A commit counts once the log is synced (`synchronous` is `FULL`), and what was kept is written before
//! that; only then does SQLite tell other connections of it. What cannot be written fails the sync instead of the write, and with it
//! the same commit. Every other file is the underlying file system's own.

#![expect(
    unsafe_code,
    reason = "SQLite takes a file system as C functions over raw pointers; what is kept when is decided in `Kept`, which is safe"
)]

use rusqlite::ffi::{
    self, SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_OK, SQLITE_OPEN_WAL, sqlite3_file,
    sqlite3_io_methods, sqlite3_vfs,
};
use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    ffi::{c_char, c_int, c_void},
    ptr::{null, null_mut},
    sync::OnceLock,
};

/// The name under which it is opened.
const NAME: &std::ffi::CStr = c"mandate-log";
/// So much is kept at the most, in bytes: it stays in a processor's cache.
const MOST: usize = 64 * 1024;

/// Registers it over the file system that is the process's default by now, once, and gives its name. None: SQLite has no file
/// system at all, and the default says so to whoever opens something.
pub(crate) fn vfs() -> Option<&'static std::ffi::CStr> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    REGISTERED.get_or_init(register).then_some(NAME)
}

/// Writes that follow each other and are not made yet.
#[derive(Debug)]
struct Kept {
    at: i64,
    bytes: Vec<u8>,
    /// So many bytes at the most.
    most: usize,
}

impl Kept {
    /// Nothing yet, for a device of these characteristics. On one that may harm what lies beside a write, SQLite fills the last
    /// sector of a commit, and syncs in the middle of a write: part of it would be kept beyond the commit, so that none is.
    fn on(characteristics: c_int) -> Self {
        let keeps = characteristics & ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE != 0;
        Self {
            at: 0,
            bytes: Vec::new(),
            most: if keeps { MOST } else { 0 },
        }
    }

    /// Whether a write at `offset` goes on where the last one ended.
    fn goes_on(&self, offset: i64) -> bool {
        i64::try_from(self.bytes.len())
            .ok()
            .and_then(|length| self.at.checked_add(length))
            == Some(offset)
    }

    /// Takes a write; what was kept before is written first where it does not go on there.
    fn take<E>(
        &mut self,
        offset: i64,
        from: &[u8],
        write: impl FnMut(i64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut write = write;
        if !self.goes_on(offset) {
            self.give(&mut write)?;
        }
        if self.bytes.is_empty() {
            self.at = offset;
        }
        self.bytes.extend_from_slice(from);
        match self.bytes.len() < self.most {
            true => Ok(()),
            false => self.give(write),
        }
    }

    /// Writes what is kept. What could not be written is not kept any longer: the commit that it is part of has failed.
    fn give<E>(&mut self, write: impl FnOnce(i64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let written = write(self.at, &self.bytes);
        self.bytes.clear();
        written
    }
}

/// What SQLite has for an open log: its own part first, as it demands.
#[repr(C)]
struct Log {
    base: sqlite3_file,
    open: *mut Open,
}

struct Open {
    kept: Kept,
    /// The underlying file, in room of `layout`.
    file: *mut sqlite3_file,
    layout: Layout,
}

/// What an underlying file lacks cannot be done with it.
const MISSING: c_int = SQLITE_IOERR;

impl Open {
    fn methods(&self) -> Option<&sqlite3_io_methods> {
        // SAFETY: the underlying file is open from `x_open` to `x_close`, and its methods live as long as the process.
        unsafe { (*self.file).pMethods.as_ref() }
    }

    fn write_kept(&mut self) -> c_int {
        let (file, methods) = (self.file, self.methods().and_then(|methods| methods.xWrite));
        match self
            .kept
            .give(|at, bytes| written(file, methods, at, bytes))
        {
            Ok(()) => SQLITE_OK,
            Err(code) => code,
        }
    }
}

type Write = unsafe extern "C" fn(*mut sqlite3_file, *const c_void, c_int, i64) -> c_int;

fn written(
    file: *mut sqlite3_file,
    write: Option<Write>,
    at: i64,
    bytes: &[u8],
) -> Result<(), c_int> {
    let (Some(write), Ok(length)) = (write, c_int::try_from(bytes.len())) else {
        return Err(MISSING);
    };
    // SAFETY: the file is open, and the bytes are there for the time of the call.
    match unsafe { write(file, bytes.as_ptr().cast(), length, at) } {
        SQLITE_OK => Ok(()),
        code => Err(code),
    }
}

/// The open log of a handle.
///
/// # Safety
/// `file` is one that [`x_open`] opened as a log and [`x_close`] has not closed, and nobody else has it: SQLite uses a file of a
/// connection on one thread at a time.
unsafe fn log<'a>(file: *mut sqlite3_file) -> &'a mut Open {
    // SAFETY: the caller says so; the pointer came from `Box::into_raw`.
    unsafe { &mut *(*file.cast::<Log>()).open }
}

/// Writes what is kept, and then has the underlying file do something.
///
/// # Safety
/// As [`log`].
unsafe fn then(
    file: *mut sqlite3_file,
    act: impl FnOnce(&sqlite3_io_methods, *mut sqlite3_file) -> Option<c_int>,
) -> c_int {
    // SAFETY: the caller says so.
    let open = unsafe { log(file) };
    match open.write_kept() {
        SQLITE_OK => {
            let below = open.file;
            open.methods()
                .and_then(|methods| act(methods, below))
                .unwrap_or(MISSING)
        }
        code => code,
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // A log needs no shared memory: that is the database's.
    iVersion: 1,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

fn register() -> bool {
    // SAFETY: the default file system lives as long as the process, and so does the copy. All of its functions but `xOpen` are
    // the underlying ones; they are handed the copy, which has their data.
    unsafe {
        let below = ffi::sqlite3_vfs_find(null());
        let Some(found) = below.as_ref() else {
            return false;
        };
        let own = c_int::try_from(size_of::<Log>()).unwrap_or(c_int::MAX);
        let vfs = sqlite3_vfs {
            szOsFile: found.szOsFile.max(own),
            pNext: null_mut(),
            zName: NAME.as_ptr(),
            xOpen: Some(x_open),
            ..*found
        };
        BELOW.set(Below(below)).is_ok()
            && ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0) == SQLITE_OK
    }
}

/// The underlying file system.
struct Below(*mut sqlite3_vfs);

// SAFETY: SQLite's file systems are used from any thread.
unsafe impl Send for Below {}
// SAFETY: as above.
unsafe impl Sync for Below {}

static BELOW: OnceLock<Below> = OnceLock::new();

unsafe extern "C" fn x_open(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for `szOsFile` bytes, which is what the underlying file needs at least.
    unsafe {
        (*file).pMethods = null();
        let Some(&Below(below)) = BELOW.get() else {
            return SQLITE_CANTOPEN;
        };
        let (Some(open), size) = ((*below).xOpen, (*below).szOsFile) else {
            return SQLITE_CANTOPEN;
        };
        if flags & SQLITE_OPEN_WAL == 0 {
            return open(below, path, file, flags, flags_out);
        }
        let Ok(layout) = Layout::from_size_align(usize::try_from(size).unwrap_or(0).max(1), 16)
        else {
            return SQLITE_CANTOPEN;
        };
        let room = alloc_zeroed(layout).cast::<sqlite3_file>();
        if room.is_null() {
            return ffi::SQLITE_NOMEM;
        }
        let code = open(below, path, room, flags, flags_out);
        if code != SQLITE_OK {
            // SQLite closes what has methods, even where opening it failed.
            if let Some(close) = (*room).pMethods.as_ref().and_then(|methods| methods.xClose) {
                close(room);
            }
            dealloc(room.cast(), layout);
            return code;
        }
        let handle = file.cast::<Log>();
        let device = (*room)
            .pMethods
            .as_ref()
            .and_then(|methods| methods.xDeviceCharacteristics);
        let kept = Kept::on(device.map_or(0, |device| device(room)));
        (*handle).open = Box::into_raw(Box::new(Open {
            kept,
            file: room,
            layout,
        }));
        (*handle).base.pMethods = &METHODS;
        SQLITE_OK
    }
}

unsafe extern "C" fn x_close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each open file once; the pointers came from `x_open`.
    unsafe {
        let mut open = Box::from_raw((*file.cast::<Log>()).open);
        (*file).pMethods = null();
        let written = open.write_kept();
        let close = open.methods().and_then(|methods| methods.xClose);
        let closed = close.map_or(MISSING, |close| close(open.file));
        dealloc(open.file.cast(), open.layout);
        match written {
            SQLITE_OK => closed,
            code => code,
        }
    }
}

unsafe extern "C" fn x_write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite gives `amount` bytes, and an open file.
    unsafe {
        let from =
            std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(amount).unwrap_or(0));
        let open = log(file);
        let (below, write) = (open.file, open.methods().and_then(|methods| methods.xWrite));
        match open
            .kept
            .take(offset, from, |at, bytes| written(below, write, at, bytes))
        {
            Ok(()) => SQLITE_OK,
            Err(code) => code,
        }
    }
}

unsafe extern "C" fn x_read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite gives room for `amount` bytes, and an open file.
    unsafe {
        then(file, |below, log| {
            Some((below.xRead?)(log, into, amount, offset))
        })
    }
}

unsafe extern "C" fn x_truncate(file: *mut sqlite3_file, size: i64) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe { then(file, |below, log| Some((below.xTruncate?)(log, size))) }
}

unsafe extern "C" fn x_sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe { then(file, |below, log| Some((below.xSync?)(log, flags))) }
}

unsafe extern "C" fn x_file_size(file: *mut sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: SQLite gives an open file and a place for a number.
    unsafe { then(file, |below, log| Some((below.xFileSize?)(log, size))) }
}

unsafe extern "C" fn x_lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe { then(file, |below, log| Some((below.xLock?)(log, level))) }
}

unsafe extern "C" fn x_unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe { then(file, |below, log| Some((below.xUnlock?)(log, level))) }
}

unsafe extern "C" fn x_check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives an open file and a place for a number.
    unsafe {
        then(file, |below, log| {
            Some((below.xCheckReservedLock?)(log, out))
        })
    }
}

unsafe extern "C" fn x_file_control(
    file: *mut sqlite3_file,
    what: c_int,
    with: *mut c_void,
) -> c_int {
    // SAFETY: SQLite gives an open file, and what belongs to `what`.
    unsafe {
        then(file, |below, log| {
            Some((below.xFileControl?)(log, what, with))
        })
    }
}

unsafe extern "C" fn x_sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite gives an open file. Nothing is done with it: what is kept may stay.
    unsafe {
        let open = log(file);
        let size = open.methods().and_then(|methods| methods.xSectorSize);
        size.map_or(0, |size| size(open.file))
    }
}

unsafe extern "C" fn x_device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as above.
    unsafe {
        let open = log(file);
        let device = open
            .methods()
            .and_then(|methods| methods.xDeviceCharacteristics);
        device.map_or(0, |device| device(open.file))
    }
}

#[cfg(test)]
mod tests;
